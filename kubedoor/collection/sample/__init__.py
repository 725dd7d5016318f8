"""The sample source: a made-up cluster for trying KubeDoor without a Prometheus."""
