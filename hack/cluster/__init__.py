"""The test cluster: a real Kubernetes on a laptop with Docker, and on a machine without."""
