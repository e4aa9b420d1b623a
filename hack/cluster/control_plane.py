"""The command lines of the control plane: etcd and kube-apiserver, with them the controllers and the scheduler.

They are the same in a node of its own (`cluster.node`) and alone on loopback (`cluster.plane`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cluster.pki import Authority
from cluster.tools import need

SERVICES = "10.231.0.0/16"
SERVICE_OF_API = "10.231.0.1"
SERVICE_OF_DNS = "10.231.0.10"
PODS = "10.232.0.0/24"
DOMAIN = "cluster.local"
ADMIN, MASTERS = "kedge-admin", "system:masters"


@dataclass(frozen=True)
class Plane:
    """Where one control plane listens, and where it keeps what it has."""

    folder: Path
    address: str
    api_port: int
    etcd_port: int
    peer_port: int

    @property
    def server(self) -> str:
        """The URL of its API."""
        return f"https://{self.address}:{self.api_port}"

    @property
    def keys(self) -> Path:
        return self.folder / "pki"

    def prepare(self) -> Authority:
        """Issue what its programs need; an administrator's kubeconfig among it."""
        authority = Authority(self.keys)
        names = ["kubernetes.default.svc", "kubernetes.default", "kubernetes", "localhost"]
        authority.server("apiserver", [*names, self.address, "127.0.0.1", SERVICE_OF_API])
        authority.client("apiserver-to-kubelet", "kube-apiserver-kubelet-client", MASTERS)
        authority.signing_key("service-accounts")
        authority.kubeconfig(self.folder / "kubeconfig", self.server, ADMIN, MASTERS)
        return authority

    def etcd(self) -> list[str]:
        """etcd, for one short life: nothing is synced to the disk."""
        client, peer = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{self.peer_port}"
        return [
            str(need("etcd")),
            "--name=kedge",
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=kedge={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def apiserver(self) -> list[str]:
        """The API server, with Kubernetes' default admission (Pod Security among it) and RBAC."""
        keys = self.keys
        return [
            str(need("kube-apiserver")),
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            f"--advertise-address={self.address}",
            f"--bind-address={self.address}",
            f"--secure-port={self.api_port}",
            f"--client-ca-file={keys}/ca.crt",
            f"--tls-cert-file={keys}/apiserver.crt",
            f"--tls-private-key-file={keys}/apiserver.key",
            f"--kubelet-certificate-authority={keys}/ca.crt",
            f"--kubelet-client-certificate={keys}/apiserver-to-kubelet.crt",
            f"--kubelet-client-key={keys}/apiserver-to-kubelet.key",
            "--kubelet-preferred-address-types=InternalIP",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--service-cluster-ip-range={SERVICES}",
            f"--service-account-issuer=https://kubernetes.default.svc.{DOMAIN}",
            f"--service-account-key-file={keys}/service-accounts.pub",
            f"--service-account-signing-key-file={keys}/service-accounts.key",
            "--max-requests-inflight=1000",
            "--max-mutating-requests-inflight=500",
            "--profiling=false",
        ]

    def controller_manager(self, authority: Authority) -> list[str]:
        """The controllers: jobs, garbage collection, namespaces, endpoints, quotas, service accounts."""
        config = authority.kubeconfig(
            self.folder / "controller-manager.kubeconfig", self.server, "system:kube-controller-manager"
        )
        return [
            str(need("kube-controller-manager")),
            f"--kubeconfig={config}",
            f"--root-ca-file={self.keys}/ca.crt",
            f"--service-account-private-key-file={self.keys}/service-accounts.key",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--node-monitor-grace-period=16s",
            "--profiling=false",
            "--secure-port=0",
        ]

    def scheduler(self, authority: Authority) -> list[str]:
        """The scheduler."""
        config = authority.kubeconfig(self.folder / "scheduler.kubeconfig", self.server, "system:kube-scheduler")
        return [
            str(need("kube-scheduler")),
            f"--kubeconfig={config}",
            "--leader-elect=false",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--profiling=false",
            "--secure-port=0",
        ]
