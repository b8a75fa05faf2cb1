"""What a comparison says before it runs."""

from spikelearn.bench.plan.reading import plan_from
from spikelearn.bench.run.comparison import searches_of


def test_the_search_behind_an_arm_s_settings_is_told(tmp_path):
    (tmp_path / "dfa.toml").write_text(
        '[on.digits.settings]\nlr = 0.5\n[on.digits.search]\ntrials = 3\nepochs = 1\nnet = "64-10"\n'
    )
    common = {"net": "64-10-10"}
    arms = {"slow": {"rule": "bptt", "lr": 1e-5}}
    plan = plan_from(
        {"rules": ["bptt", "dfa", "slow"], "arms": arms, "tuned": str(tmp_path), "common": common, "seeds": 2}
    )
    packaged, own, untuned, hint = searches_of(plan.points())
    told = "found in 15 trials of 5 epochs on digits, 64-100-10, spikelearn/catalogue/tuned/bptt.toml"
    assert packaged == f"tuned   bptt on digits: {told}"
    assert own == f"tuned   dfa on digits: found in 3 trials of 1 epoch on digits, 64-10, {tmp_path}/dfa.toml"
    assert untuned == "untuned slow on digits"
    assert "--untuned" in hint
    assert searches_of(plan_from({"rules": ["bptt", "dfa"], "tuned": False}).points()) == [
        "untuned bptt on digits, dfa on digits"
    ]
