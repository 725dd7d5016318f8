{{/* Whether the API server has ValidatingAdmissionPolicies; empty: no. Without a cluster (helm template) its version decides. */}}
{{- define "kubedoor.hasPolicies" -}}
{{- $enabled := toString .Values.admissionPolicies -}}
{{- $apis := .Capabilities.APIVersions -}}
{{- if eq $enabled "auto" -}}
{{- if $apis.Has "v1/Pod" -}}
{{- ternary "true" "" ($apis.Has "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy") -}}
{{- else -}}
{{- ternary "true" "" (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- else if eq $enabled "true" -}}true
{{- end -}}
{{- end -}}

{{/* A list of texts in CEL. */}}
{{- define "kubedoor.celList" -}}
[{{ range $i, $one := . }}{{ if $i }}, {{ end }}'{{ $one }}'{{ end }}]
{{- end -}}

{{/*
What the service accounts of the release may write of one kind, beyond what RBAC can say; call with (dict "root" . "name" …
"group" … "resources" (list …) "operations" (list …) "validations" (list …)), and "variables" and "conditions" where needed.
The API server asks no policy about policies: a kind such as MutatingAdmissionPolicyBinding can be pinned by its name in RBAC only.
*/}}
{{- define "kubedoor.policy" -}}
{{- $users := list -}}
{{- range list "api" "collect" "mutate" "certificates" "first-certificates" "removal" -}}
{{- $users = append $users (printf "system:serviceaccount:%s:kubedoor-%s" $.root.Release.Namespace .) -}}
{{- end -}}
{{- $mine := dict "name" "by-this-release" "expression" (printf "request.userInfo.username in %s" (include "kubedoor.celList" $users)) -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ .name }}
  labels: {{- include "kubedoor.labels" (list .root "rights") | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: [{{ .group }}]
        apiVersions: [v1]
        operations: {{ .operations | toJson }}
        resources: {{ .resources | toJson }}
  matchConditions: {{- prepend (.conditions | default list) $mine | toYaml | nindent 4 }}
  {{- with .variables }}
  variables: {{- toYaml . | nindent 4 }}
  {{- end }}
  validations:
    {{- range .validations }}
    - {{ toYaml . | nindent 6 | trim }}
      reason: Forbidden
    {{- end }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels: {{- include "kubedoor.labels" (list .root "rights") | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
{{- end -}}
