"""What a store or a stored value can raise.

::

    KedgeError (kedge.core.errors)
    ├── StoreError                 a request to a store that failed; retrying it as it is won't help
    │   ├── ObjectMissing          nothing at this path
    │   ├── ObjectExists           a create-only put found an object at its path
    │   ├── ObjectTooLarge         an object has more bytes than its reader takes
    │   ├── StoreUnavailable       the store can't be reached, is full or overloaded; a later try may work
    │   └── ValueCorrupt           a value, or its record, isn't what was written
    └── ValueRefused               a value that can't be written, or that the reader won't or can't decode
        └── ValueForbidden         one that must not be: of another namespace, or a pickle where none is allowed

Messages name the store's URL and the path; the cause is chained.
"""

from __future__ import annotations

from kedge.core.errors import KedgeError


class StoreError(KedgeError):
    """A request to a store failed for a reason that stays until somebody changes something."""


class ObjectMissing(StoreError):
    """There is no object at the path."""


class ObjectExists(StoreError):
    """There is already an object at the path of a create-only put; it was left as it is."""


class ObjectTooLarge(StoreError):
    """The object at the path is larger than what is read of its kind."""


class StoreUnavailable(StoreError):
    """The store didn't answer, or is full or overloaded: worth another try later."""


class ValueCorrupt(StoreError):
    """Stored bytes differ in size or digest from their record, or the record itself can't be read."""


class ValueRefused(KedgeError):
    """A value that can't be serialized, or stored bytes that this reader won't or can't turn into a value."""


class ValueForbidden(ValueRefused):
    """A value that this run may not read or write, wherever its records say that it is. No further try helps."""
