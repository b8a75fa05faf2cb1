import pytest

from spikelearn.component_text import name_in, options_in, parse_value, parted, several


def options(text, *components):
    return options_in(text, lambda option: option in components)


def test_options_of_a_component():
    assert options("atan") == {}
    assert options("triangle:width=2,height=0.3") == options("triangle(width=2,height=0.3)")
    assert options("triangle:width=2,height=0.3") == {"width": "2", "height": "0.3"}
    assert options("a:reset-gradient=true") == {"reset_gradient": "true"}


def test_only_an_option_that_is_a_component_takes_the_rest():
    assert options("a:path=b:c,d=1") == {"path": "b:c", "d": "1"}
    assert options("a:path=b:c,d=1", "path") == {"path": "b:c,d=1"}
    assert options("a:path=b,d=1", "path") == {"path": "b", "d": "1"}
    assert options("a:path=b(c=1,e=2),d=1", "path") == {"path": "b(c=1,e=2)", "d": "1"}
    assert options("a:path=b(c=d:e=2,f=1),d=g:h=1,i=2", "path", "d") == {"path": "b(c=d:e=2,f=1)", "d": "g:h=1,i=2"}


def test_names_and_parts():
    assert [name_in(text) for text in ("atan", "atan:a=1", "atan(a=1)", " atan ( a=1)")] == 4 * ["atan"]
    assert parted("gaussian(sd=0.1)") == parted("gaussian:sd=0.1") == ("gaussian", "sd=0.1")
    assert several("bits:bits=5+adc(bits=6)+device:seconds=1e+5") == [
        "bits:bits=5",
        "adc(bits=6)",
        "device:seconds=1e+5",
    ]


@pytest.mark.parametrize("text", ["a:3", "a:=3", "a(b=1", "a(b=1)c", "a:b=1,b=2", "a:b=1)"])
def test_other_forms_are_refused(text):
    with pytest.raises(ValueError, match="expected"):
        options(text)


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("3.0", 3.0), ("1e-3", 1e-3), ("true", True), ("abc", "abc")])
def test_values(text, value):
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)
