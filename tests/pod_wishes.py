"""What authors may wish for their pods: each with what refuses it by default, and a policy that grants it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Wish(NamedTuple):
    """A pod template's `metadata` or `spec`, the setting that refuses it, and its value that allows it."""

    spec: dict[str, Any]
    setting: str
    grant: Any
    metadata: dict[str, Any] = {}

    @property
    def template(self) -> dict[str, Any]:
        found: dict[str, Any] = {"spec": self.spec}
        return {"metadata": self.metadata, **found} if self.metadata else found


def container(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "step", **fields}]}


def secured(**fields: Any) -> dict[str, Any]:
    return container(securityContext=fields)


def volume(**source: Any) -> dict[str, Any]:
    return {"volumes": [{"name": "v", **source}]}


FIELDS = ["containers", "initContainers", "volumes", "automountServiceAccountToken", "enableServiceLinks"]
FIELDS += ["securityContext", "restartPolicy"]
TOKEN = {"sources": [{"serviceAccountToken": {"path": "token"}}]}
CERTIFICATE = {"sources": [{"podCertificate": {"signerName": "kubernetes.io/kube-apiserver-client-pod"}}]}

REFUSED: dict[str, Wish] = {
    "the network of the host": Wish({"hostNetwork": True}, "fields", [*FIELDS, "hostNetwork"]),
    "the processes of the host": Wish({"hostPID": True}, "fields", [*FIELDS, "hostPID"]),
    "the IPC of the host": Wish({"hostIPC": True}, "fields", ["*"]),
    "a node by its name": Wish({"nodeName": "control-plane"}, "fields", [*FIELDS, "nodeName"]),
    "what Kubernetes may think of later": Wish({"hostMoon": {"a": 1}}, "fields", ["*"]),
    "a folder of the host": Wish(volume(hostPath={"path": "/"}), "volumes", ["emptyDir", "hostPath"]),
    "a server of files": Wish(volume(nfs={"server": "a", "path": "/"}), "volumes", ["*"]),
    "another account": Wish({"serviceAccountName": "admin"}, "serviceAccounts", ["admin"]),
    "another account by its old name": Wish({"serviceAccount": "admin"}, "serviceAccounts", ["*"]),
    "a token": Wish({"automountServiceAccountToken": True}, "tokens", True),
    "a token by taking away the default": Wish({"automountServiceAccountToken": None}, "tokens", True),
    "a token in a volume": Wish(volume(projected=TOKEN), "tokens", True),
    "a certificate in a volume": Wish(volume(projected=CERTIFICATE), "tokens", True),
    "a priority of the system": Wish({"priorityClassName": "system-node-critical"}, "privileged", True),
    "a privileged container": Wish(secured(privileged=True), "privileged", True),
    "a privileged sidecar": Wish(
        {"containers": [{"name": "step"}, {"name": "side", "image": "i", "securityContext": {"privileged": True}}]},
        "privileged",
        True,
    ),
    "a privileged container before": Wish(
        {"initContainers": [{"name": "first", "image": "i", "securityContext": {"privileged": True}}]},
        "privileged",
        True,
    ),
    "a capability": Wish(secured(capabilities={"add": ["SYS_ADMIN"]}), "capabilities", ["SYS_ADMIN"]),
    "all capabilities": Wish(secured(capabilities={"add": ["NET_RAW", "ALL"]}), "capabilities", ["*"]),
    "processes unmasked": Wish(secured(procMount="Unmasked"), "privileged", True),
    "no seccomp": Wish(secured(seccompProfile={"type": "Unconfined"}), "privileged", True),
    "no seccomp for the pod": Wish({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "privileged", True),
    "no AppArmor": Wish(secured(appArmorProfile={"type": "Unconfined"}), "privileged", True),
    "no AppArmor by annotation": Wish(
        {},
        "privileged",
        True,
        {"annotations": {"container.apparmor.security.beta.kubernetes.io/step": "unconfined"}},
    ),
    "another SELinux type": Wish(secured(seLinuxOptions={"type": "spc_t"}), "privileged", True),
    "a kernel setting": Wish(
        {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}, "privileged", True
    ),
    "a process of the host": Wish(secured(windowsOptions={"hostProcess": True}), "privileged", True),
    "a port of the host": Wish(container(ports=[{"containerPort": 80, "hostPort": 80}]), "privileged", True),
    "a probe of another host": Wish(
        container(livenessProbe={"httpGet": {"host": "169.254.169.254", "port": 80}}), "privileged", True
    ),
    "a hook at another host": Wish(
        container(lifecycle={"preStop": {"tcpSocket": {"host": "10.0.0.1", "port": 22}}}), "privileged", True
    ),
}

GRANTED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "resources and a sidecar": {
        "containers": [
            {"name": "step", "resources": {"limits": {"memory": "1Gi"}}, "env": [{"name": "A", "value": "b"}]},
            {
                "name": "side",
                "image": "proxy",
                "ports": [{"containerPort": 80}],
                "readinessProbe": {"httpGet": {"port": 80}},
            },
        ]
    },
    "where to run": {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"operator": "Exists"}],
        "priorityClassName": "batch",
    },
    "volumes": {
        "volumes": [
            {"name": "a", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "b", "secret": {"secretName": "s"}},
            {"name": "c", "projected": {"sources": [{"configMap": {"name": "c"}}]}},
        ]
    },
    "nobody's words": {"hostNetwork": None, "securityContext": None, "containers": [{"name": "step", "ports": None}]},
    "the account that there is anyway": {"serviceAccountName": "default", "serviceAccount": ""},
    "what stands for nothing": {
        "securityContext": {"sysctls": [], "seLinuxOptions": {}},
        "containers": [
            {
                "name": "step",
                "ports": [{"containerPort": 80, "hostPort": 0}],
                "livenessProbe": {"httpGet": {"host": "", "port": 80}},
                "securityContext": {"windowsOptions": {}, "capabilities": {"add": []}, "procMount": "Default"},
            }
        ],
    },
    "less than the default": {
        "securityContext": {"runAsUser": 1000},
        "containers": [{"name": "step", "securityContext": {"privileged": False, "capabilities": {"drop": ["ALL"]}}}],
    },
}
