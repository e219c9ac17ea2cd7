"""A plan: the values of a profile, and for each key the reason that becomes its comment."""

import copy
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Plan:
    """A profile in the making; keys are written with dots, as "test.runner"."""

    values: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, value: Any, reason: str = "") -> "Plan":
        """Return the plan with another value; without a reason the old one stays. An empty value takes the key out."""
        values = copy.deepcopy(self.values)
        *parents, last = key.split(".")
        place = values
        for name in parents:
            place = place.setdefault(name, {})
        if value in (None, [], {}, ""):
            place.pop(last, None)
            reason = ""
        else:
            place[last] = copy.deepcopy(value)
        return Plan(values, {**self.reasons, **({key: reason} if reason else {})})

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or the default."""
        place: Any = self.values
        for name in key.split("."):
            if not isinstance(place, dict) or name not in place:
                return default
            place = place[name]
        return copy.deepcopy(place)

    def merge(self, key: str, more: dict[str, Any], reason: str) -> "Plan":
        """Return the plan with entries added to a value that is an object; the reason is added as well."""
        return self.put(key, {**self.get(key, {}), **more}, self._also(key, reason))

    def extend(self, key: str, more: list[Any], reason: str) -> "Plan":
        """Return the plan with entries added to a value that is a list, each once; the reason is added as well."""
        old = self.get(key, [])
        return self.put(key, [*old, *(one for one in more if one not in old)], self._also(key, reason))

    def _also(self, key: str, reason: str) -> str:
        return "; ".join(dict.fromkeys(part for part in (self.reasons.get(key), reason) if part))
