"""Settings given in part: types whose fields may be left out, and laying such parts together."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, create_model


class PartialSettings(BaseModel):
    """Settings as they are written: unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def given(self) -> dict[str, Any]:
        """The settings that were written, as plain nested mappings."""
        return self.model_dump(exclude_unset=True)


def partial(spec: type[BaseModel]) -> Any:
    """Return a model of some fields of a specification: those left out are None, not at a default.

    Fields are checked as in the specification; those without a default stay required.
    """
    fields: dict[str, Any] = {
        name: Annotated[field.annotation, field]
        if field.is_required()
        else (Annotated[field.annotation, field], None)
        for name, field in spec.model_fields.items()
    }
    return create_model(f"Part{spec.__name__}", __base__=PartialSettings, **fields)


def merge(*parts: dict[Any, Any]) -> dict[Any, Any]:
    """Lay nested mappings over each other, the later ones on top."""
    merged: dict[Any, Any] = {}
    for part in parts:
        for key, value in part.items():
            if isinstance(value, dict) and isinstance(merged.get(key), dict):
                value = merge(merged[key], value)
            merged[key] = value
    return merged


def nested(path: str, value: Any) -> dict[str, Any]:
    """Return a mapping with one value: `nested("weights.sm", 2)` is `{"weights": {"sm": 2}}`."""
    for key in reversed(path.split(".")):
        value = {key: value}
    result: dict[str, Any] = value
    return result


def leaves(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings with their dotted paths."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
