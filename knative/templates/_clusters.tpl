{{/* KUBEDOOR_CLUSTERS, built from `clusters`. Secrets are files below /clusters/<name>. */}}
{{- define "kubedoor.clusters" -}}
{{- $found := list -}}
{{- range .Values.clusters -}}
{{- $at := printf "/clusters/%s" .name -}}
{{- $one := dict "name" .name -}}
{{- with .kubeconfig }}{{ if .secretName }}
{{- $_ := set $one "kubeconfig" (printf "%s/kubeconfig" $at) -}}
{{- with .context }}{{ $_ := set $one "context" . }}{{ end -}}
{{- end }}{{ end -}}
{{- with .serviceAccount }}{{ $_ := set $one "service_account" . }}{{ end -}}
{{- with .namespaces -}}
{{- with .include }}{{ $_ := set $one "namespaces" . }}{{ end -}}
{{- with .exclude }}{{ $_ := set $one "excluded_namespaces" . }}{{ end -}}
{{- end -}}
{{- with .peak -}}
{{- with .windows }}{{ $_ := set $one "peak_windows" . }}{{ end -}}
{{- with .timeZone }}{{ $_ := set $one "time_zone" . }}{{ end -}}
{{- if hasKey . "weekdaysOnly" }}{{ $_ := set $one "weekdays_only" .weekdaysOnly }}{{ end -}}
{{- end -}}
{{- with .prometheus }}{{ if .url -}}
{{- $prometheus := dict "url" .url -}}
{{- with .label }}{{ $_ := set $prometheus "label" . }}{{ end -}}
{{- with .timeoutSeconds }}{{ $_ := set $prometheus "timeout_seconds" . }}{{ end -}}
{{- with .concurrency }}{{ $_ := set $prometheus "concurrency" . }}{{ end -}}
{{- if dig "bearerToken" "secretName" "" . }}{{ $_ := set $prometheus "bearer_token_file" (printf "%s/token" $at) }}{{ end -}}
{{- if dig "basicAuth" "secretName" "" . -}}
{{- $_ := set $prometheus "username" .basicAuth.username }}{{ $_ := set $prometheus "password_file" (printf "%s/password" $at) -}}
{{- end -}}
{{- if dig "headers" "secretName" "" . }}{{ $_ := set $prometheus "headers_file" (printf "%s/headers" $at) }}{{ end -}}
{{- if dig "ca" "secretName" "" . }}{{ $_ := set $prometheus "ca_file" (printf "%s/prometheus-ca.crt" $at) }}{{ end -}}
{{- $_ := set $one "prometheus" $prometheus -}}
{{- end }}{{ end -}}
{{- with .door -}}
{{- $door := dict -}}
{{- with .mode }}{{ $_ := set $door "mode" . }}{{ end -}}
{{- with .namespace }}{{ $_ := set $door "namespace" . }}{{ end -}}
{{- with .service }}{{ $_ := set $door "service" . }}{{ end -}}
{{- with .failurePolicy }}{{ $_ := set $door "failure_policy" . }}{{ end -}}
{{- with .timeoutSeconds }}{{ $_ := set $door "timeout_seconds" . }}{{ end -}}
{{- if dig "ca" "secretName" "" . }}{{ $_ := set $door "ca_file" (printf "%s/door-ca.crt" $at) }}{{ end -}}
{{- with $door }}{{ $_ := set $one "door" . }}{{ end -}}
{{- end -}}
{{- $found = append $found $one -}}
{{- end -}}
{{- if $found }}
- {name: KUBEDOOR_CLUSTERS, value: {{ $found | toJson | quote }}}
{{- end }}
{{- end -}}

{{/* Secrets of further clusters as sources of one projected volume. */}}
{{- define "kubedoor.clusterSources" -}}
{{- range .Values.clusters -}}
{{- $name := .name -}}
{{- $files := list (list (.kubeconfig | default dict) "kubeconfig" "kubeconfig") -}}
{{- with .prometheus }}{{ if .url -}}
{{- $files = concat $files (list
  (list (.bearerToken | default dict) "token" "token")
  (list (dict "secretName" (dig "basicAuth" "secretName" "" .) "key" (dig "basicAuth" "passwordKey" "password" .)) "password" "password")
  (list (.headers | default dict) "headers" "headers")
  (list (.ca | default dict) "ca.crt" "prometheus-ca.crt")
) -}}
{{- end }}{{ end -}}
{{- with .door }}{{ $files = append $files (list (.ca | default dict) "ca.crt" "door-ca.crt") }}{{ end -}}
{{- range $files }}
{{- $secret := index . 0 }}
{{- if $secret.secretName }}
- secret: {name: {{ $secret.secretName | quote }}, items: [{key: {{ $secret.key | default (index . 1) | quote }}, path: {{ printf "%s/%s" $name (index . 2) | quote }}}]}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "kubedoor.clusterMounts" -}}
{{- if include "kubedoor.clusterSources" . | trim }}
- {name: clusters, mountPath: /clusters, readOnly: true}
{{- end }}
{{- end -}}

{{- define "kubedoor.clusterVolumes" -}}
{{- with include "kubedoor.clusterSources" . | trim }}
- name: clusters
  projected:
    sources:
      {{- . | nindent 6 }}
{{- end }}
{{- end -}}
