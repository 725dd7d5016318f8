module crds

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.2
	knative.dev/eventing v0.42.0
)
