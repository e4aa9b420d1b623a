"""Runs in a pod: writes a record once, and sees that a second one is refused."""

from kedge.io.errors import ObjectExists
from kedge.io.stores import open_store

store = open_store("s3://steps/runs")
store.put("record", b"first", create=True)
print(store.get("record").decode())
try:
    store.put("record", b"second", create=True)
except ObjectExists:
    print("refused")
print("kept" if store.get("record") == b"first" else "lost")
