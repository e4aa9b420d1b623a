"""By what right a store is opened: the operator's identity is for its own, a job's Secret gives all or nothing."""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import sys

import pytest
from obstore.exceptions import BaseError
from obstore.store import from_url

from kedge.io.errors import StoreError
from kedge_operator import identities

KEY = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}


def encoded(data: dict[str, str]) -> dict[str, str]:
    return {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}


def test_an_identity_is_taken_out_of_the_environment_and_nothing_else() -> None:
    environment = {
        **KEY,
        "AWS_SESSION_TOKEN": "token",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/token",
        "AWS_ENDPOINT_URL": "http://store",
        "AWS_ALLOW_HTTP": "true",
        "GOOGLE_APPLICATION_CREDENTIALS": "/key.json",
        "AZURE_FEDERATED_TOKEN_FILE": "/token",
        "PATH": "/bin",
    }
    taken = identities.take(environment)
    assert environment == {"AWS_ALLOW_HTTP": "true", "PATH": "/bin"}
    assert set(taken) == {
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "aws_web_identity_token_file",
        "aws_endpoint_url",
        "google_application_credentials",
        "azure_federated_token_file",
    }
    assert identities.options_for("gs://bucket", taken) == {"google_application_credentials": "/key.json"}
    assert identities.options_for("memory://a", taken) == {}


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("s3://bucket", KEY),
        ("s3://bucket", {**KEY, "AWS_ENDPOINT_URL": "http://store", "AWS_ALLOW_HTTP": "true"}),
        ("gs://bucket", {"GOOGLE_SERVICE_ACCOUNT_KEY": "{}"}),
        ("az://container", {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_STORAGE_ACCOUNT_KEY": "k"}),
        ("az://container", {"AZURE_CLIENT_ID": "a", "AZURE_CLIENT_SECRET": "k", "AZURE_TENANT_ID": "t"}),
    ],
)
def test_a_secret_with_credentials_opens_a_store(url: str, data: dict[str, str]) -> None:
    found = identities.of_secret(url, "team/own", encoded({**data, "OF_THE_STEPS": "x"}))
    assert found == {name.lower(): value for name, value in data.items()}


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("s3://bucket", {}),
        ("s3://bucket", {"AWS_ACCESS_KEY_ID": "id"}),
        ("s3://bucket", {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": ""}),
        ("s3://bucket", {"AWS_ROLE_ARN": "arn", "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/token"}),
        ("gs://bucket", {"GOOGLE_APPLICATION_CREDENTIALS": "/etc/kedge/key.json"}),
        ("gs://bucket", KEY),
        ("az://container", {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_FEDERATED_TOKEN_FILE": "/token"}),
    ],
)
def test_a_secret_without_credentials_of_its_own_is_refused(url: str, data: dict[str, str]) -> None:
    with pytest.raises(StoreError, match=f"store {url}: Secret team/own holds no credentials; give it "):
        identities.of_secret(url, "team/own", encoded(data))


def fault(url: str, options: dict[str, str]) -> str:
    """What obstore says against some options."""
    try:
        from_url(url, config=options)
    except BaseError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("url", ["s3://bucket", "gs://bucket", "az://container"])
def test_what_is_said_twice_is_said_once(url: str) -> None:
    """obstore refuses two names of the same option, whichever they are."""
    kind = {"s3": "aws_", "gs": "google_", "az": "azure_"}[url.partition(":")[0]]
    names = [name for table in (identities._PLAIN, identities._OWN) for name in table[url.partition(":")[0]]]
    for one, other in itertools.combinations(names, 2):
        options = identities.options_for(url, {one: "first", other: "second"})
        assert all(name.startswith(kind) for name in options)
        assert "uplicate" not in fault(url, options), (one, other)
    found = identities.options_for("s3://bucket", {"aws_endpoint": "http://a", "aws_endpoint_url": "http://b"})
    assert found == {"aws_endpoint_url": "http://b"}


def test_a_secret_sends_the_operator_nowhere_for_an_identity() -> None:
    data = {**KEY, "AWS_ENDPOINT_URL_STS": "http://evil", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil"}
    assert set(identities.of_secret("s3://bucket", "team/own", encoded(data))) == {name.lower() for name in KEY}


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://store.example",
        "http://kedge-store.kedge-system:7070",
        "http://10.96.0.7:9000/s3",
        "http://[fd00::7]:9000",
        "https://account.blob.core.windows.net",
    ],
)
def test_a_secret_names_a_server_for_its_store(endpoint: str) -> None:
    data = {**KEY, "AWS_ENDPOINT_URL": endpoint}
    assert identities.of_secret("s3://bucket", "team/own", encoded(data))["aws_endpoint_url"] == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://169.254.169.254",
        "http://169.254.169.254./latest",
        "http://[fe80::1]",
        "http://[fd00:ec2::254]/latest",
        "http://[::ffff:169.254.169.254]",
        "http://2852039166",
        "http://0xa9.0xfe.0xa9.0xfe",
        "http://169.254.43518",
        "http://0251.0376.0251.0376",
        "http://127.0.0.1:8080",
        "http://127.1",
        "http://0.0.0.0",
        "http://[::1]:8080",
        "http://localhost:8080",
        "http://LocalHost.",
        "http://a.localhost",
        "http://metadata.google.internal",
        "http://\uff11\uff16\uff19.254.169.254",
        "http://store.example/?",
        "http://store.example/a#b",
        "http://user:word@store.example",
        "http://store.example\\@169.254.169.254",
        "http://store.example/..",
        "http://store.example/%2e%2e",
        "http://store.example:port",
        "http://",
        "file:///etc/passwd",
        "store.example",
        "",
    ],
)
@pytest.mark.parametrize(
    "name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT", "GCS"]
)
def test_a_secret_does_not_send_the_operator_anywhere(endpoint: str, name: str) -> None:
    url, data = {
        "AWS": ("s3://bucket", {**KEY, name: endpoint}),
        "AZU": ("az://container", {"AZURE_STORAGE_ACCOUNT_KEY": "k", name: endpoint}),
        "GCS": ("gs://bucket", {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps({"gcs_base_url": endpoint})}),
    }[name[:3]]
    with pytest.raises(StoreError, match="Secret team/own: the operator can't take "):
        identities.of_secret(url, "team/own", encoded(data))


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"])
def test_a_secret_with_a_line_end_is_told_by_its_name(name: str) -> None:
    with pytest.raises(StoreError, match=f"Secret team/own: {name} holds a line end"):
        identities.of_secret("s3://bucket", "team/own", encoded({**KEY, name: "x\n"}))


def test_a_secret_that_is_no_text_is_refused() -> None:
    with pytest.raises(StoreError, match="Secret team/own holds what is no text"):
        identities.of_secret("s3://bucket", "team/own", {"AWS_ACCESS_KEY_ID": base64.b64encode(b"\xff").decode()})


def test_a_job_s_store_finds_nothing_of_the_operator_s() -> None:
    """In a process of its own: obstore reads the environment that the process really has."""
    code = """
import json, os
from kedge_operator import identities
from obstore.store import from_url
own = from_url("s3://bucket", config=identities.options_for("s3://bucket", identities.take(os.environ)))
job = from_url("s3://bucket", config={"aws_access_key_id": "job", "aws_secret_access_key": "job"})
sign = __import__("obstore").sign
print(json.dumps([sign(one, "GET", "a", __import__("datetime").timedelta(60)) for one in (own, job)]))
"""
    environment = {**KEY, "AWS_SESSION_TOKEN": "planted", "AWS_ENDPOINT_URL": "https://store.example"}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    own, job = json.loads(done.stdout)
    assert own.startswith("https://store.example/")
    assert "planted" in own
    assert job.startswith("https://s3.us-east-1.amazonaws.com/")
    assert "planted" not in job
