"""Jobs that want more than they should have."""

import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from kedge import job, op

TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


@op(tags={"kedge/pod": {"hostNetwork": True}})
def takes_it() -> int:
    return 1


@job
def asks_for_the_host() -> None:
    takes_it()


@op
def looks_around() -> dict[str, Any]:
    """What a step finds around it: a token, a root that it can write to, an API server that answers it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        urllib.request.urlopen(
            "https://kubernetes.default.svc/api/v1/namespaces/default/secrets", context=context, timeout=60
        )
        answer = "200"
    except urllib.error.HTTPError as error:
        answer = str(error.code)
    return {
        "token": TOKEN.exists(),
        "uid": os.getuid(),
        "writable": os.access("/", os.W_OK) or os.access("/usr", os.W_OK),
        "api": answer,
    }


def tries_the_store(context: Any, config: dict[str, Any]) -> dict[str, str]:
    """What a step may do with another namespace's objects, by the credentials that it has."""
    from kedge.io.errors import StoreError
    from kedge.io.stores import open_store

    store, theirs = open_store(os.environ["KEDGE_STORE"]), config["theirs"]

    def tried(act: Any, done: str) -> str:
        try:
            act()
        except StoreError as error:
            return "refused" if "access refused" in str(error) or "403" in str(error) else str(error)
        return done

    return {
        "read": tried(lambda: store.get(theirs["value"]), "read"),
        "written": tried(lambda: store.put(f"{theirs['prefix']}/planted", b"x"), "written"),
        "listed": tried(lambda: list(store.list(theirs["prefix"])), "listed"),
        "deleted": tried(lambda: store.delete([theirs["value"]]), "deleted"),
        "own": tried(lambda: list(store.list(f"{config['own']}/")), "listed"),
    }
