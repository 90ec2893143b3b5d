"""What forms with rows have in common: errors by the page's names, and what a save changed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django import forms

from billing.forms.rows import RowSet

# Generic in its type hints only.
if TYPE_CHECKING:
    _Form = forms.ModelForm[Any]
else:
    _Form = forms.ModelForm


class RowForm(_Form):
    """A model's form with sets of rows beside its fields."""

    rows: dict[str, RowSet]

    def check_rows(self) -> bool:
        """Whether every row is right on its own; which are not is said of the whole form too."""
        valid = True
        for name, rows in self.rows.items():
            if not rows.is_valid():
                said = " ".join(map(str, rows.non_form_errors())) or "a row is not right yet"
                self.add_error(None, f"{name.capitalize()}: {said}")
                valid = False
        return valid

    def _post_clean(self) -> None:
        # The model would say once more, beside no field, what is wrong.
        if not self.errors:
            super()._post_clean()  # type: ignore[misc]

    def all_errors(self) -> dict[str, list[str]]:
        """What is wrong, by the name of the field in the page."""
        found = {name: [str(said) for said in errors] for name, errors in self.errors.items()}
        for rows in self.rows.values():
            for row in rows.forms:
                for name, errors in row.errors.items():
                    found[row.add_prefix(name)] = [str(said) for said in errors]
        return found


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """What differs between two values of JSON, each as `path before → after`."""
    old, new = leaves(before, path), leaves(after, path)
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            yield f"{name} {old.get(name, 'none')} → {new.get(name, 'none')}"


def leaves(value: Any, path: str) -> dict[str, str]:
    """Every value within a value of JSON, by its path."""
    if isinstance(value, dict):
        inner = [(f"{path}.{name}".lstrip("."), item) for name, item in value.items()]
    elif isinstance(value, list):
        inner = [(f"{path}[{n}]", item) for n, item in enumerate(value)]
    else:
        return {} if value is None else {path: str(value)}
    return {name: text for at, item in inner for name, text in leaves(item, at).items()}
