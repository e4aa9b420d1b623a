module kedge.dev/hack/tools/prometheus-operator

go 1.26.0

// Not for a program: for the resources that it ships.
require github.com/prometheus-operator/prometheus-operator v0.85.0
