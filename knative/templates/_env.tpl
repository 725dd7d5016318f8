{{/* Chart values as settings (docs/settings.md), as JSON. All functions get the same settings, so that they agree. */}}
{{- define "kubedoor.settingValues" -}}
{{- $v := .Values -}}
{{- $settings := dict
  "KUBEDOOR_CLUSTER" $v.cluster.name
  "KUBEDOOR_CLUSTER_LABEL" $v.cluster.label
  "KUBEDOOR_SOURCE" (ternary "auto" (ternary "sample" "prometheus" $v.prometheus.sample) $v.doorOnly)
  "KUBEDOOR_PROMETHEUS_URL" $v.prometheus.url
  "KUBEDOOR_PROMETHEUS_TIMEOUT_SECONDS" (toString $v.prometheus.timeoutSeconds)
  "KUBEDOOR_PROMETHEUS_CONCURRENCY" (toString $v.prometheus.concurrency)
  "KUBEDOOR_NAMESPACES" (join "," $v.namespaces.include)
  "KUBEDOOR_EXCLUDED_NAMESPACES" (join "," $v.namespaces.exclude)
  "KUBEDOOR_PEAK_WINDOWS" $v.peak.windows
  "KUBEDOOR_TIME_ZONE" $v.peak.timeZone
  "KUBEDOOR_WEEKDAYS_ONLY" (toString $v.peak.weekdaysOnly)
  "KUBEDOOR_LOOK_BACK_DAYS" (toString $v.peak.lookBackDays)
  "KUBEDOOR_PEAK_DAY_SCOPE" $v.peak.scope
  "KUBEDOOR_MIN_CPU" $v.peak.minCpu
  "KUBEDOOR_MIN_MEMORY" $v.peak.minMemory
  "KUBEDOOR_STORE_CLUSTER" $v.clickhouse.cluster
  "KUBEDOOR_STORE_TIMEOUT_SECONDS" (toString $v.clickhouse.timeoutSeconds)
  "KUBEDOOR_NAMESPACE" .Release.Namespace
  "KUBEDOOR_SERVICE_ACCOUNT" (printf "system:serviceaccount:%s:kubedoor-api" .Release.Namespace)
  "KUBEDOOR_WEBHOOK_SERVICE" "kubedoor-mutate"
  "KUBEDOOR_WEBHOOK_PORT" "443"
  "KUBEDOOR_WEBHOOK_TIMEOUT_SECONDS" (toString $v.door.timeoutSeconds)
  "KUBEDOOR_DOOR" $v.control.door
  "KUBEDOOR_FAILURE_POLICY" $v.door.failurePolicy
  "KUBEDOOR_UNKNOWN_WORKLOADS" $v.door.unknownWorkloads
  "KUBEDOOR_ON_INTERNAL_ERROR" $v.door.onInternalError
  "KUBEDOOR_HPA_REPLICAS" $v.door.hpaReplicas
  "KUBEDOOR_UNCHANGED_MANIFESTS" $v.door.unchangedManifests
  "KUBEDOOR_DATA_DIR" "/tmp/kubedoor"
-}}
{{- if eq $v.tls.mode "certManager" -}}
{{- $_ := set $settings "KUBEDOOR_WEBHOOK_INJECT_CA_FROM" (printf "%s/kubedoor-mutate" .Release.Namespace) -}}
{{- end -}}
{{- range $name, $value := $v.settings }}{{ $_ := set $settings $name (toString $value) }}{{ end -}}
{{- $settings | toJson -}}
{{- end -}}

{{- define "kubedoor.settings" -}}
{{- $v := .Values -}}
{{- range $name, $value := include "kubedoor.settingValues" . | fromJson }}
{{- with $value }}
- {name: {{ $name }}, value: {{ . | quote }}}
{{- end }}
{{- end }}
- name: KUBEDOOR_STORE_DSN
  valueFrom: {secretKeyRef: {{ include "kubedoor.dsnSecret" . }}}
{{- with $v.prometheus.bearerToken }}{{ if .secretName }}
- name: KUBEDOOR_PROMETHEUS_BEARER_TOKEN
  valueFrom: {secretKeyRef: {name: {{ .secretName | quote }}, key: {{ .key | quote }}}}
{{- end }}{{ end }}
{{- with $v.prometheus.basicAuth }}{{ if .secretName }}
- name: KUBEDOOR_PROMETHEUS_USERNAME
  valueFrom: {secretKeyRef: {name: {{ .secretName | quote }}, key: {{ .usernameKey | quote }}}}
- name: KUBEDOOR_PROMETHEUS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .secretName | quote }}, key: {{ .passwordKey | quote }}}}
{{- end }}{{ end }}
{{- with $v.prometheus.headers }}{{ if .secretName }}
- name: KUBEDOOR_PROMETHEUS_HEADERS
  valueFrom: {secretKeyRef: {name: {{ .secretName | quote }}, key: {{ .key | quote }}}}
{{- end }}{{ end }}
{{- if $v.prometheus.ca.secretName }}
- {name: KUBEDOOR_PROMETHEUS_CA_FILE, value: /ca/prometheus/ca.crt}
{{- end }}
{{- if $v.clickhouse.ca.secretName }}
- {name: KUBEDOOR_STORE_CA_FILE, value: /ca/clickhouse/ca.crt}
{{- end }}
{{- with $v.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "kubedoor.collectToken" -}}
- name: KUBEDOOR_COLLECT_TOKEN
  valueFrom: {secretKeyRef: {name: {{ include "kubedoor.ownSecret" . | quote }}, key: collect-token}}
{{- end -}}

{{/* ConfigMaps to which `collect` and `api` publish the snapshot for the door. */}}
{{- define "kubedoor.publishing" -}}
- {name: KUBEDOOR_SNAPSHOT_CONFIGMAP, value: kubedoor-snapshot}
- {name: KUBEDOOR_SNAPSHOT_SHARDS, value: {{ .Values.snapshot.shards | quote }}}
{{- end -}}

{{- define "kubedoor.mounts" -}}
- {name: work, mountPath: /tmp}
{{- if .Values.prometheus.ca.secretName }}
- {name: prometheus-ca, mountPath: /ca/prometheus, readOnly: true}
{{- end }}
{{- if .Values.clickhouse.ca.secretName }}
- {name: clickhouse-ca, mountPath: /ca/clickhouse, readOnly: true}
{{- end }}
{{- end -}}

{{- define "kubedoor.volumes" -}}
- {name: work, emptyDir: {}}
{{- with .Values.prometheus.ca }}{{ if .secretName }}
- name: prometheus-ca
  secret: {secretName: {{ .secretName | quote }}, items: [{key: {{ .key | quote }}, path: ca.crt}]}
{{- end }}{{ end }}
{{- with .Values.clickhouse.ca }}{{ if .secretName }}
- name: clickhouse-ca
  secret: {secretName: {{ .secretName | quote }}, items: [{key: {{ .key | quote }}, path: ca.crt}]}
{{- end }}{{ end }}
{{- end -}}

{{/* The role mapping is JSON, because a group may have commas. Helm sorts the keys, so the output is stable. */}}
{{- define "kubedoor.oidc" -}}
{{- with .Values.oidc }}{{ if .issuer }}
- {name: KUBEDOOR_OIDC_ISSUER, value: {{ .issuer | quote }}}
- {name: KUBEDOOR_OIDC_CLIENT_ID, value: {{ .clientId | quote }}}
- {name: KUBEDOOR_OIDC_SCOPES, value: {{ .scopes | quote }}}
- {name: KUBEDOOR_OIDC_USERNAME_CLAIM, value: {{ .usernameClaim | quote }}}
{{- with .name }}
- {name: KUBEDOOR_OIDC_NAME, value: {{ . | quote }}}
{{- end }}
{{- with .roleClaim }}
- {name: KUBEDOOR_OIDC_ROLE_CLAIM, value: {{ . | quote }}}
{{- end }}
{{- with .roleMapping }}
- {name: KUBEDOOR_OIDC_ROLE_MAPPING, value: {{ . | toJson | quote }}}
{{- end }}
{{- with .clientSecret }}{{ if .secretName }}
- name: KUBEDOOR_OIDC_CLIENT_SECRET
  valueFrom: {secretKeyRef: {name: {{ .secretName | quote }}, key: {{ .key | quote }}}}
{{- end }}{{ end }}
{{- end }}{{ end }}
{{- end -}}
