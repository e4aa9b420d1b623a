"""Labels, annotations and names of pods: whatever jobs and steps are called, Kubernetes takes them."""

from __future__ import annotations

import re

from fuzzing import MEGABYTES, text_of

from kedge.core.ids import MAPPING_KEY, StepKey, is_op_name
from kedge_operator import labels, pods
from kedge_operator.pods import RunPods

SEEDS = [
    b"job",
    b"",
    b"-",
    b"_._",
    b"A" * 64,
    b"a" * 63 + b".",
    b"-a-",
    "ü".encode(),
    b"\xed\xa0\x80",
    b"a/b",
    b"...",
    b"1" * 70,
    b"a" * 62 + b"-b",
    b"x[1]",
    b"\n",
    b"a\nb",
]
_SIZE = MEGABYTES << 20
LARGE = {
    "a word": lambda: b"a" * _SIZE,
    "dashes": lambda: b"-" * _SIZE,
    "wide": lambda: "ü".encode() * (_SIZE // 2),
    "dots": lambda: b"a." * (_SIZE // 2),
}

LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
ANNOTATIONS = 256 << 10
_UID = "0b7d6a2e-4a53-4f1c-9d27-1f6a0c9d3e55"


def is_label(text: str) -> bool:
    return len(text) <= 63 and LABEL.fullmatch(text) is not None


def is_name(text: str) -> bool:
    return len(text) <= 63 and NAME.fullmatch(text) is not None


def check(data: bytes) -> None:
    text = text_of(data)
    assert is_label(labels.value(text)), labels.value(text)
    assert (labels.value(text) == text) == is_label(text)
    for attempt in (1, 999_999_999):
        assert is_name(labels.pod_name(text, _UID, text, StepKey("x").digest, attempt))
    if not text.startswith("job"):
        assert labels.pod_name("job", _UID, "op", StepKey(text).digest, 1) != labels.pod_name(
            "job", _UID, "op", StepKey("job").digest, 1
        )
    if not (is_op_name(text) and len(text) <= 200):
        return
    step = StepKey(text, (text[:1000],) if MAPPING_KEY.fullmatch(text) else ())
    for key, value in labels.of_step(text, _UID, step, 1).items():
        assert is_label(value), (key, value)
    made = pods.step_pod(RunPods("team", "job", _UID, "image", "s3://bucket"), step, 1, "{}")
    assert is_name(made["metadata"]["name"])
    assert sum(len(key) + len(value) for key, value in made["metadata"]["annotations"].items()) < ANNOTATIONS
