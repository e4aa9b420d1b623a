"""One authority for one cluster: certificates of its servers, of its components and of whoever calls it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Authority:
    """Issues certificates into a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._ca = trustme.CA()
        self.certificate = folder / "ca.crt"
        self._ca.cert_pem.write_to_path(str(self.certificate))
        self._ca.private_key_pem.write_to_path(str(folder / "ca.key"))

    def server(self, name: str, hosts: Sequence[str]) -> tuple[Path, Path]:
        """A server's certificate and key, for these names and addresses."""
        return self._write(name, self._ca.issue_cert(*hosts, common_name=hosts[0]))

    def client(self, name: str, user: str, group: str | None = None) -> tuple[Path, Path]:
        """A client's certificate and key: Kubernetes takes the user and its group from the subject."""
        host = user.replace(":", ".").lower()
        return self._write(name, self._ca.issue_cert(host, common_name=user, organization_name=group))

    def signing_key(self, name: str) -> tuple[Path, Path]:
        """A public and a private key to sign service-account tokens with."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        paths = self.folder / f"{name}.pub", self.folder / f"{name}.key"
        for path, data in zip(paths, (public, private), strict=True):
            path.write_bytes(data)
            path.chmod(0o600)
        return paths

    def _write(self, name: str, issued: trustme.LeafCert) -> tuple[Path, Path]:
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        key.chmod(0o600)
        return certificate, key

    def kubeconfig(self, path: Path, server: str, user: str, group: str | None = None) -> Path:
        """A kubeconfig for one user, with everything inside it."""
        certificate, key = self.client(f"{path.stem}-client", user, group)
        data = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "kedge-test",
            "contexts": [{"name": "kedge-test", "context": {"cluster": "kedge-test", "user": "user"}}],
            "clusters": [
                {
                    "name": "kedge-test",
                    "cluster": {"server": server, "certificate-authority-data": _inline(self.certificate)},
                }
            ],
            "users": [
                {
                    "name": "user",
                    "user": {"client-certificate-data": _inline(certificate), "client-key-data": _inline(key)},
                }
            ],
        }
        path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        path.chmod(0o600)
        return path


def _inline(path: Path) -> str:
    import base64

    return base64.b64encode(path.read_bytes()).decode()
