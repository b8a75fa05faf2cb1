"""Arguments of compiled loops, checked once where a loop is called and never inside.

A loop knows no bounds. Its door says in a line for each array what the loop relies on: the type, the sizes, and for
arrays that are used as indices the range of their values.
"""

import weakref
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

#: Types by the word that stands for them; "real" is one of its types for all arrays of a call.
TYPES = {
    "real": ("float32", "float64"),
    "any": ("float32", "float64", "uint8"),
    "byte": ("uint8",),
    "flag": ("bool",),
    "word": ("uint64",),
    "int": ("int64",),
    "short": ("int32",),
    "index": ("uint16", "int32"),
}

#: Forms of arguments that a door remembers as good; with more of them it begins anew.
REMEMBERED = 1024


#: {id: (array, bound)} of arrays whose values need not be looked at.
_VOUCHED: dict[int, tuple[weakref.ref[np.ndarray], int]] = {}


def vouch(array: np.ndarray, bound: int) -> None:
    """Let ``array`` pass, and views of it, wherever its values may be as large as ``bound``.

    For who has made it so, and lets nobody write it: to look through the events of a record at every door would cost
    more than all else that is checked.
    """
    place = id(array)
    _VOUCHED[place] = weakref.ref(array, lambda _: _VOUCHED.pop(place, None)), bound


def _is_vouched(array: np.ndarray, bound: int) -> bool:
    owner = array if array.base is None else array.base
    known = _VOUCHED.get(id(owner))
    return known is not None and known[0]() is owner and known[1] <= bound


class Taken(NamedTuple):
    """A declaration of one argument.

    Args:
        place: its number.
        name: its name.
        each: how many arrays it is a tuple of; 0: it is an array.
        optional: whether it may be None.
        kind: word of ``TYPES``.
        sizes: for every axis, the sizes that it may have.
        below: what its values are below, and 0 or more; None: any values.
        rising: what its values rise to at most, from 0 or more on; None: any values.
        text: what was written.
    """

    place: int
    name: str
    each: int
    optional: bool
    kind: str
    sizes: tuple[tuple[str | CodeType, ...], ...]
    below: CodeType | None
    rising: CodeType | None
    text: str


class Door:
    """A kernel that is called with arrays of the right form or not at all.

    Args:
        made: the kernel.
        body: what was compiled, for its name.
        names: those of the arguments.
        takes: {argument: form}, such as ``"real T N"``, ``"real T|1 N"`` (either size), ``"real 0|N"``,
            ``"index E < n"`` (values in 0 .. n - 1), ``"int rows+1 ^ E"`` (values that rise, in 0 .. E),
            ``"2 real N"`` (a tuple of two), ``"? real N"`` (or None). A name that stands for a size is set where it is
            first met, numbers among the arguments have the names of the arguments, and whatever else is written is
            calculated from both.
        let: {name: how it is calculated from the arguments}, before the arrays are looked at.
        holds: what must be true besides, calculated likewise.

    Raises:
        ValueError: by a call with an array of another type, size or layout, with an index out of range, or where
            something in ``holds`` is not true.
    """

    def __init__(
        self,
        made: Callable[..., Any],
        body: Callable[..., Any],
        names: list[str],
        takes: Mapping[str, str],
        let: Mapping[str, str],
        holds: tuple[str, ...],
    ) -> None:
        self.names = names
        self.title = f"{body.__module__.removeprefix('spikelearn.')}.{body.__name__}"
        self.made = made
        self.takes = [_taken(self.names.index(name), name, text) for name, text in takes.items()]
        self.let = [(name, _calculated(text)) for name, text in let.items()]
        self.holds = [(text, _calculated(text)) for text in holds]
        loose = [taken.name for taken in self.takes if self._is_loose(taken)]
        self._arrays = [(taken.place, taken.each) for taken in self.takes if taken.name not in loose]
        self._loose = [(taken.place, str(taken.sizes[0][0])) for taken in self.takes if taken.name in loose]
        arrays = {taken.place for taken in self.takes}
        used = {word for code in self._codes() for word in code.co_names}
        self._numbers = [n for n, name in enumerate(self.names) if n not in arrays and name in used]
        self._good: dict[Any, list[tuple[Taken, int, int | None]]] = {}

    def __call__(self, *arguments: Any) -> Any:
        self.check(*arguments)
        return self.made(*arguments)

    def check(self, *arguments: Any) -> None:
        """Raise ValueError unless the kernel can be called with these arguments."""
        key = self._key(arguments)
        bounds = None if key is None else self._good.get(key)
        if bounds is None:
            bounds = self._bounds(self._sizes(arguments))
            if key is not None:
                if len(self._good) >= REMEMBERED:
                    self._good.clear()
                self._good[key] = bounds
        for taken, bound, place in bounds:
            _check_values(self.title, taken, arguments[taken.place], bound if place is None else len(arguments[place]))

    def _bounds(self, known: dict[str, Any]) -> list[tuple[Taken, int, int | None]]:
        """Bounds of values: a number, or the length of the argument at a place."""
        places = {name: place for place, name in self._loose}
        ranged = [(taken, taken.below or taken.rising) for taken in self.takes]
        return [
            (taken, _value(code, known), places.get(code.co_names[0]) if code.co_names else None)
            for taken, code in ranged
            if code is not None
        ]

    def _codes(self) -> list[CodeType]:
        sizes = [s for t in self.takes for axis in t.sizes for s in axis if isinstance(s, CodeType)]
        bounds = [code for t in self.takes for code in (t.below, t.rising) if code is not None]
        return [*sizes, *bounds, *(code for _, code in self.let), *(code for _, code in self.holds)]

    def _is_loose(self, taken: Taken) -> bool:
        """Tell whether the length of a list may be any, as that of the events of a record: it bounds values alone."""
        named = [word for t in self.takes for axis in t.sizes for word in axis if isinstance(word, str)]
        codes = [s for t in self.takes for axis in t.sizes for s in axis if isinstance(s, CodeType)]
        used = [word for code in (*codes, *(c for _, c in (*self.let, *self.holds))) for word in code.co_names]
        length = taken.sizes[0][0]
        free = len(taken.sizes) == len(taken.sizes[0]) == 1 and isinstance(length, str)
        return (
            free
            and taken.each == 0
            and named.count(str(length)) == 1
            and length not in (*used, *self.names, *dict(self.let))
        )

    def _key(self, arguments: tuple[Any, ...]) -> Any:
        """All that sizes follow from; None where an argument is no array, or a number none."""
        key: list[Any] = [arguments[place] for place in self._numbers]
        try:
            for place, each in self._arrays:
                for array in arguments[place] if each else (arguments[place],):
                    if array is None:
                        key.append(None)
                    else:
                        key += (array.shape, array.strides, array.dtype)
            for place, _ in self._loose:
                array = arguments[place]
                key += (array.ndim, array.strides, array.dtype)
            form = tuple(key)
            hash(form)
        except (AttributeError, TypeError, IndexError):
            return None
        return form

    def _sizes(self, arguments: tuple[Any, ...]) -> dict[str, Any]:
        """{name: what it stands for}; raises ValueError where an argument has not the form that is said."""
        if len(arguments) != len(self.names):
            raise ValueError(f"{self.title} was given {len(arguments)} arguments, expected {', '.join(self.names)}")
        known: dict[str, Any] = {name: arguments[place] for place, name in enumerate(self.names)}
        for taken in self.takes:
            parts = known[taken.name]
            if parts is None and taken.optional:
                continue
            if taken.each and (not isinstance(parts, tuple) or len(parts) != taken.each):
                raise ValueError(f"{self.title}: {taken.name} is no tuple of {taken.each} arrays")
            for array in parts if taken.each else (parts,):
                if not isinstance(array, np.ndarray):
                    kind = type(array).__name__
                    raise ValueError(f"{self.title}: {taken.name} is a {kind}, expected an array {taken.text!r}")
        try:
            for name, code in self.let:
                known[name] = _value(code, known)
        except (ZeroDivisionError, IndexError) as error:
            raise ValueError(f"{self.title}: there is no {name} for these arguments ({error})") from error
        for taken in self.takes:
            parts = known[taken.name]
            if parts is None and taken.optional:
                continue
            for array in parts if taken.each else (parts,):
                self._check_form(taken, array, known)
        for text, code in self.holds:
            if not _value(code, known):
                raise ValueError(f"{self.title}: expected {text}, which does not hold for these arguments")
        return known

    def _check_form(self, taken: Taken, array: np.ndarray, known: dict[str, Any]) -> None:
        kinds = TYPES[taken.kind]
        if taken.kind == "real":
            kinds = known.setdefault("real type", kinds if array.dtype.name not in kinds else (array.dtype.name,))
        fits = array.ndim == len(taken.sizes) and array.dtype.name in kinds and array.dtype.isnative
        expected: list[Any] = []
        for axis, options in enumerate(taken.sizes):
            for option in options:
                if isinstance(option, str):  # a name that is met for the first time is set here
                    size = known.setdefault(option, array.shape[axis]) if fits else known.get(option, option)
                else:
                    size = _value(option, known) if fits else "..."
                expected.append(size)
                if fits and array.shape[axis] == size:
                    break
            else:
                fits = False
        if not fits or not array.flags.c_contiguous or not array.flags.aligned:
            layout = "" if array.flags.c_contiguous else ", not contiguous"
            raise ValueError(
                f"{self.title}: {taken.name} has shape {list(array.shape)} and type {array.dtype}{layout}, expected a "
                f"contiguous array {taken.text!r} (sizes {expected}): hand over what the other arguments belong to"
            )


def _check_values(title: str, taken: Taken, array: np.ndarray, bound: int) -> None:
    if not array.size or _is_vouched(array, bound):
        return
    if taken.below is not None:
        # Read as unsigned, a negative index is a large one.
        if int(array.view(f"u{array.itemsize}").max()) >= bound:
            raise ValueError(
                f"{title}: {taken.name} has values from {int(array.min())} to {int(array.max())}, expected 0 to "
                f"{bound - 1}: they belong to something else"
            )
    elif array[0] < 0 or array[-1] > bound or (array[1:] < array[:-1]).any():
        raise ValueError(
            f"{title}: {taken.name} goes from {int(array[0])} to {int(array[-1])}, expected values that rise within 0 "
            f"to {bound}: they belong to something else"
        )


def _taken(place: int, name: str, text: str) -> Taken:
    words = text.split()
    optional = words[0] == "?"
    words = words[optional:]
    each = int(words.pop(0)) if words[0].isdigit() else 0
    kind, *rest = words
    below = rising = None
    if len(rest) > 2 and rest[-2] in "<^":
        below, rising = (_calculated(rest[-1]) if rest[-2] == sign else None for sign in "<^")
        rest = rest[:-2]
    sizes = tuple(tuple(o if o.isidentifier() else _calculated(o) for o in axis.split("|")) for axis in rest)
    return Taken(place, name, each, optional, kind, sizes, below, rising, text)


def _calculated(text: str) -> CodeType:
    return compile(text, "door", "eval")


def _value(code: CodeType, known: dict[str, Any]) -> Any:
    # The texts stand in this package, beside the kernels.
    return eval(code, {"__builtins__": {}, "len": len, "min": min}, known)
