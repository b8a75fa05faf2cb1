import pytest

from spikelearn.registry import Registry, parse_component, parse_value


@pytest.fixture
def fruits():
    registry = Registry("fruit")

    @registry.register("apple")
    class Apple:
        def __init__(self, size: int = 1) -> None:
            self.size = size

    return registry


def test_builds_with_options(fruits):
    assert fruits.build("apple", {"size": 3}).size == 3
    assert fruits.name_of(fruits.get("apple")) == "apple"


def test_unknown_name_lists_the_nearest(fruits):
    with pytest.raises(ValueError, match="unknown fruit 'aple'.*did you mean 'apple'"):
        fruits.get("aple")


def test_unknown_option_lists_the_known(fruits):
    with pytest.raises(ValueError, match="has no option 'sise'.*did you mean 'size'"):
        fruits.build("apple", {"sise": 3})


def test_a_name_is_taken_once(fruits):
    with pytest.raises(ValueError, match="registered already"):
        fruits.register("apple")(int)


def test_component_text():
    assert parse_component("atan") == ("atan", {})
    assert parse_component("triangle:width=2,height=0.3") == ("triangle", {"width": 2, "height": 0.3})
    with pytest.raises(ValueError, match="name:key=value"):
        parse_component("atan:3")


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("3.0", 3.0), ("1e-3", 1e-3), ("true", True), ("abc", "abc")])
def test_values(text, value):
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


def test_an_option_that_must_be_given_is_asked_for():
    table = Registry("noise")

    @table.register("gaussian")
    class Gaussian:
        def __init__(self, sd, *, mean=0.0):
            self.sd = sd

    assert table.build("gaussian", {"sd": 2}).sd == 2
    with pytest.raises(ValueError, match="noise 'gaussian' needs sd: write gaussian:sd=..."):
        table.build("gaussian", {"mean": 1.0})
