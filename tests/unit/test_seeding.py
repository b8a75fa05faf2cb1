import torch

from spikelearn.seeding import derived_seed, generator_for, sample_order


def test_seeds_are_fixed_for_all_time():
    assert derived_seed(0, "weights") == 7388263408636359099
    assert derived_seed(0, "a", 1) != derived_seed(0, "a", 2) != derived_seed(1, "a", 2)


def test_order_is_a_function_of_seed_and_epoch():
    assert sample_order(50, 1, 2).equal(sample_order(50, 1, 2))
    assert not sample_order(50, 1, 2).equal(sample_order(50, 1, 3))
    assert sample_order(50, 1, 2).sort().values.equal(torch.arange(50))


def test_generators_do_not_touch_the_global_one():
    before = torch.get_rng_state()
    torch.rand(3, generator=generator_for(0, "x"))
    assert torch.get_rng_state().equal(before)
