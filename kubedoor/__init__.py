"""KubeDoor: Kubernetes right-sizing that is enforced, not just recommended."""

__version__ = "0.1.0"
