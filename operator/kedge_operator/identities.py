"""By what right a store is opened: the operator's own identity, or the credentials in a job's Secret. Never a mixture.

obstore looks into the environment for what it isn't told. An operator therefore takes its own identity out of there at
its start (`take`), and hands it to its own stores; those of jobs get what their Secret says, and find nothing else.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence

from kedge.io.errors import StoreError
from kedge_operator import endpoints

_KINDS = {"s3": "aws_", "gs": "google_", "az": "azure_"}
_PLAIN: Mapping[str, Sequence[str]] = {
    "s3": (
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "aws_region",
        "aws_default_region",
        "aws_endpoint",
        "aws_endpoint_url",
        "aws_virtual_hosted_style_request",
        "aws_server_side_encryption",
        "aws_sse_kms_key_id",
        "aws_sse_bucket_key_enabled",
    ),
    "gs": ("google_service_account_key",),
    "az": (
        "azure_storage_account_name",
        "azure_storage_account_key",
        "azure_storage_access_key",
        "azure_storage_master_key",
        "azure_storage_sas_key",
        "azure_storage_sas_token",
        "azure_storage_client_id",
        "azure_storage_client_secret",
        "azure_storage_tenant_id",
        "azure_client_id",
        "azure_client_secret",
        "azure_tenant_id",
        "azure_storage_endpoint",
        "azure_endpoint",
    ),
}
"""By scheme: what a job's Secret may say. Nothing that names a file, as files are the operator's; nothing that sends it
elsewhere for an identity."""
_OWN: Mapping[str, Sequence[str]] = {
    "s3": (
        "aws_web_identity_token_file",
        "aws_role_arn",
        "aws_role_session_name",
        "aws_endpoint_url_sts",
        "aws_container_credentials_relative_uri",
        "aws_container_credentials_full_uri",
        "aws_container_authorization_token_file",
        "aws_metadata_endpoint",
        "aws_skip_signature",
    ),
    "gs": (
        "google_service_account",
        "google_service_account_path",
        "google_application_credentials",
        "google_skip_signature",
    ),
    "az": (
        "azure_storage_authority_id",
        "azure_authority_id",
        "azure_storage_authority_host",
        "azure_authority_host",
        "azure_msi_endpoint",
        "azure_identity_endpoint",
        "azure_object_id",
        "azure_msi_resource_id",
        "azure_federated_token_file",
        "azure_use_azure_cli",
        "azure_skip_signature",
    ),
}
"""And what else makes up the identity of an operator."""
_ONE_THING: Sequence[Sequence[str]] = (
    ("aws_endpoint_url", "aws_endpoint"),
    ("google_service_account", "google_service_account_path"),
    ("azure_storage_account_key", "azure_storage_access_key", "azure_storage_master_key"),
    ("azure_storage_sas_key", "azure_storage_sas_token"),
    ("azure_storage_client_id", "azure_client_id"),
    ("azure_storage_client_secret", "azure_client_secret"),
    ("azure_storage_tenant_id", "azure_tenant_id", "azure_storage_authority_id", "azure_authority_id"),
    ("azure_storage_authority_host", "azure_authority_host"),
    ("azure_storage_endpoint", "azure_endpoint"),
    ("azure_msi_endpoint", "azure_identity_endpoint"),
)
"""Names of the same thing. Of several the first counts: obstore takes one, and looks at variables in any order."""
_ENOUGH: Mapping[str, Sequence[Sequence[str]]] = {
    "s3": (("aws_access_key_id", "aws_secret_access_key"),),
    "gs": (("google_service_account_key",),),
    "az": (
        ("azure_storage_account_key",),
        ("azure_storage_access_key",),
        ("azure_storage_master_key",),
        ("azure_storage_sas_key",),
        ("azure_storage_sas_token",),
        ("azure_storage_client_id", "azure_storage_client_secret"),
        ("azure_client_id", "azure_client_secret"),
    ),
}
"""What credentials are, in one of these ways. Without any, a store looks for some where it is opened."""
_ENDPOINTS = ("aws_endpoint_url", "aws_endpoint", "azure_storage_endpoint", "azure_endpoint")
_GOOGLE_KEY, _GOOGLE_ENDPOINT = "google_service_account_key", "gcs_base_url"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CLIENT = ("allow_http", "allow_invalid_certificates")
"""What a Secret may say of the connection, after its kind."""


def take(environment: MutableMapping[str, str]) -> dict[str, str]:
    """The variables of an identity, taken out of the environment: by their names in lower case."""
    known = {name for table in (_PLAIN, _OWN) for names in table.values() for name in names}
    return {name.lower(): environment.pop(name) for name in list(environment) if name.lower() in known}


def options_for(url: str, identity: Mapping[str, str]) -> dict[str, str]:
    """What of an identity is about the kind of store that `url` names."""
    kind = _KINDS.get(url.partition(":")[0])
    return _once({name: value for name, value in identity.items() if kind is not None and name.startswith(kind)})


def _once(options: dict[str, str]) -> dict[str, str]:
    """Options of which no two say the same thing."""
    for names in _ONE_THING:
        for name in [name for name in names if name in options][1:]:
            del options[name]
    return options


def of_secret(url: str, secret: str, data: Mapping[str, str]) -> dict[str, str]:
    """The options of a job's store, from the data of its Secret, which may hold other things for its steps.

    Raises StoreError when these are no credentials, and for an endpoint where the operator goes for nobody.
    """
    scheme = url.partition(":")[0]
    taken = {*_PLAIN[scheme], *(f"{_KINDS[scheme]}{name}" for name in _CLIENT)}
    try:
        found = {
            name.lower(): base64.b64decode(value).decode() for name, value in data.items() if name.lower() in taken
        }
    except ValueError as error:
        raise StoreError(f"store {url}: Secret {secret} holds what is no text: {error}") from error
    for name, value in found.items():
        if _CONTROL.search(value) and name != _GOOGLE_KEY:
            raise StoreError(
                f"store {url}: Secret {secret}: {name.upper()} holds a line end or another control character; write it "
                "without (`kubectl create secret` and `stringData` add none)"
            )
    if not any(all(found.get(name) for name in way) for way in _ENOUGH[scheme]):
        wanted = ", or ".join(" and ".join(name.upper() for name in way) for way in _ENOUGH[scheme])
        raise StoreError(f"store {url}: Secret {secret} holds no credentials; give it {wanted}")
    for name, endpoint in _endpoints(found):
        fault = endpoints.fault_of(endpoint)
        if fault is not None:
            raise StoreError(f"store {url}: Secret {secret}: the operator can't take {name}: {fault}")
    return _once(found)


def _endpoints(options: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Where options send requests, by the names of what says so."""
    yield from ((name.upper(), options[name]) for name in _ENDPOINTS if name in options)
    try:
        key = json.loads(options.get(_GOOGLE_KEY, "{}"))
    except (ValueError, RecursionError):
        return  # what opens the store says what is wrong with it
    if isinstance(key, dict) and _GOOGLE_ENDPOINT in key:
        yield f"{_GOOGLE_ENDPOINT} in {_GOOGLE_KEY.upper()}", str(key[_GOOGLE_ENDPOINT])
