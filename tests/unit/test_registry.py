import textwrap
from typing import Literal

import pytest

from spikelearn.registry import Registry, names_taken, registry_of


class Fruit:
    pass


class Seed:
    pass


class Peel:
    pass


FRUITS, SEEDS, PEELS = Registry("fruit", Fruit), Registry("seed", Seed), Registry("peel", Peel)


@SEEDS.register("pip")
class Pip(Seed):
    def __init__(self, hardness: float = 1.0, label: str | None = None) -> None:
        self.hardness, self.label = hardness, label


@SEEDS.register("stone")
class Stone(Seed):
    def __init__(self, inner: Seed | None = None, split: bool = False) -> None:
        self.inner, self.split = inner, split


@PEELS.register("thick")
class Thick(Peel):
    pass


@FRUITS.register("apple")
class Apple(Fruit):
    def __init__(
        self, size: int = 1, seed: Seed = Pip(), stone: Stone | None = None, colour: Literal["red", "green"] = "red"
    ) -> None:
        self.size, self.seed, self.stone, self.colour = size, seed, stone, colour


@FRUITS.register("basket")
class Basket(Fruit):
    def __init__(self, content: list[Fruit]) -> None:
        self.content = content


class Slice(Fruit):
    def __init__(self, peel: Peel, width: float) -> None:
        self.peel, self.width = peel, width


@FRUITS.accept(PEELS)
def _slice(peel: Peel, *, width: float = 0.5) -> Slice:
    return Slice(peel, width)


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
    assert fruits.make("apple", {"size": 3}).size == 3
    assert fruits.make("apple:size=3").size == 3
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


def test_a_base_class_has_one_registry_that_holds_its_subclasses():
    assert registry_of(Pip) is SEEDS
    assert registry_of(int) is None
    with pytest.raises(ValueError, match="Fruit is the base class of the registry 'fruit' already"):
        Registry("other fruit", Fruit)
    with pytest.raises(ValueError, match="fruit 'pip' is the class Pip, expected a subclass of Fruit"):
        FRUITS.register("pip")(Pip)


@pytest.mark.parametrize(
    "text",
    [
        "apple:size=3,seed=pip:hardness=2",
        "apple:size=3,seed=pip(hardness=2)",
        "apple:seed=pip(hardness=2),size=3",
        "apple(seed=pip(hardness=2),size=3)",
        "apple( size=3, seed = pip( hardness = 2 ) )",
        "apple(size=3,seed=pip:hardness=2)",
    ],
)
def test_an_option_takes_a_component_written_in_the_same_way(text):
    made = FRUITS.make(text)
    assert (type(made.seed), made.size, made.seed.hardness) == (Pip, 3, 2)


def test_components_are_nested_to_any_depth():
    made = FRUITS.make("apple:seed=stone(inner=stone:inner=pip:label=a,hardness=4),stone=stone:split=true", {"size": 7})
    assert (made.seed.inner.inner.label, made.seed.inner.inner.hardness, made.stone.split) == ("a", 4, True)
    assert made.size == 7
    assert not made.seed.inner.split


def test_behind_a_colon_all_belongs_to_the_inner_component():
    with pytest.raises(ValueError, match="seed 'pip' has no option 'size', expected one of hardness, label"):
        FRUITS.make("apple:seed=pip:hardness=2,size=3")


def test_options_may_be_text_and_objects_alike():
    pip = Pip(5)
    assert FRUITS.make("apple", {"seed": pip}).seed is pip
    assert FRUITS.make("apple", {"seed": "pip:hardness=5"}).seed.hardness == 5
    assert FRUITS.build("apple", {"stone": None}).stone is None


def test_text_stays_text_where_nothing_else_is_taken():
    assert SEEDS.make("pip:label=01").label == "01"
    assert FRUITS.make("apple:colour=green").colour == "green"
    assert type(SEEDS.make("pip:hardness=1").hardness) is int


def test_one_registry_accepts_the_names_of_another():
    made = FRUITS.make("thick:width=2")
    assert (type(made.peel), made.width) == (Thick, 2)
    assert FRUITS.build("thick", {}).width == 0.5
    assert FRUITS.names == ["apple", "thick"]  # text cannot describe a basket
    assert "basket" in FRUITS


def test_names_that_options_take():
    assert names_taken(Apple) == {"seed": ["pip", "stone"], "stone": ["pip", "stone"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aple", "unknown fruit 'aple', expected one of apple, thick .did you mean 'apple'"),
        ("basket", "unknown fruit 'basket', expected one of apple, thick"),
        ("apple:3", "cannot read '3' in 'apple:3', expected name:key=value,key=value"),
        ("apple:size=3,4", "cannot read '4'"),
        ("apple(size=3", "cannot read the parentheses of"),
        ("apple(size=3),seed=pip", "cannot read the parentheses of"),
        ("apple:seed=pip)(", "unknown seed 'pip\\)'"),
        ("apple:size=3,size=4", "names size twice, expected each option once"),
        ("apple:sise=3", "fruit 'apple' has no option 'sise'.*did you mean 'size'"),
        ("apple:seed=pit", "unknown seed 'pit', expected one of pip, stone"),
        ("apple:stone=pip", "stone is 'pip', of the class Pip, expected Stone or NoneType"),
        ("thick:widht=2", "peel 'thick' has no option 'widht'"),
    ],
)
def test_what_cannot_be_made_is_said(text, message):
    with pytest.raises(ValueError, match=message):
        FRUITS.make(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 3}, "seed is 3, expected a name, one of pip, stone"),
        ({"seed": "thick"}, "unknown seed 'thick'"),
        ({"size": 3}, "'apple:size=2' has the option size already, expected it once"),
    ],
)
def test_options_that_cannot_be_taken(options, message):
    with pytest.raises(ValueError, match=message):
        FRUITS.make("apple:size=2", options)


@pytest.mark.parametrize("value", [0.5, 3, True])
def test_a_number_is_no_word(value):
    peels = Registry("peel")

    @peels.register("waxed")
    class Waxed:
        def __init__(self, maker: str | None = None, parts: str | list[int] = "", size: str | float = 1.0) -> None:
            self.size = size

    assert peels.make("waxed", {"size": value, "maker": None}).size == value
    for option in ("maker", "parts"):
        with pytest.raises(ValueError, match=f"peel 'waxed' takes words for {option}, but it is {value}: name"):
            peels.make("waxed", {option: value})


def test_text_is_expected():
    with pytest.raises(ValueError, match="a fruit is named Apple"):
        FRUITS.make(type("Apple", (), {"__repr__": lambda self: "Apple"})())


def test_a_type_that_only_checkers_see_is_asked_for(tmp_path):
    """Components of one's own are often written so; what can be read of them is."""
    code = """
        from __future__ import annotations
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from elsewhere import Other
        class Own:
            def __init__(self, other: Other = None, seed: Seed = None, size: int = 1) -> None:
                self.other, self.seed, self.size = other, seed, size
    """
    names = {"Seed": Seed, "__name__": "own"}
    exec(textwrap.dedent(code), names)
    registry = Registry("own")
    registry.register("own")(names["Own"])
    made = registry.make("own:size=3,seed=pip")
    assert (made.size, type(made.seed)) == (3, Pip)
    with pytest.raises(ValueError, match="other has the type 'Other', which cannot be found .*TYPE_CHECKING"):
        registry.make("own:other=abc")


def test_an_option_that_must_be_given_is_asked_for():
    table = Registry("noise")

    @table.register("gaussian")
    class Gaussian:
        def __init__(self, sd, *, mean=0.0):
            self.sd = sd

    assert table.build("gaussian", {"sd": 2}).sd == 2
    with pytest.raises(ValueError, match="noise 'gaussian' needs sd: write gaussian:sd=..."):
        table.build("gaussian", {"mean": 1.0})


def test_the_same_class_defined_again_takes_the_place_of_the_earlier(fruits):
    def cell():
        @fruits.register("pear")
        class Pear:
            pass

        return Pear

    first, second = cell(), cell()
    assert first is not second
    assert fruits.get("pear") is second
    with pytest.raises(ValueError, match=r"'pear' is registered already, as Pear of .*test_registry.*choose another"):

        @fruits.register("pear")
        class Quince:
            pass


def test_an_unknown_name_says_how_one_s_own_is_brought_in(fruits):
    with pytest.raises(ValueError, match="--import FILE"):
        fruits.get("my-fruit")
