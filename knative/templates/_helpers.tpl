{{- define "kubedoor.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Labels of every object; call with (list . "component"). */}}
{{- define "kubedoor.labels" -}}
{{- $ := index . 0 -}}
app.kubernetes.io/name: kubedoor
app.kubernetes.io/part-of: kubedoor
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/instance: {{ $.Release.Name | quote }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
helm.sh/chart: {{ $.Chart.Name }}-{{ $.Chart.Version }}
{{- end -}}

{{/* Labels of pods. None depends on the version: a changed label would create a new revision without need. */}}
{{- define "kubedoor.podLabels" -}}
{{- $ := index . 0 -}}
app.kubernetes.io/name: kubedoor
app.kubernetes.io/part-of: kubedoor
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/instance: {{ $.Release.Name | quote }}
{{- with $.Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Required by Pod Security `restricted`. Set per container, because Knative accepts it only there. */}}
{{- define "kubedoor.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
{{- with .Values.podSecurity.runAsUser }}
runAsUser: {{ . | int64 }}
runAsGroup: {{ . | int64 }}
{{- end }}
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Where pods may run. Knative takes these only with kubernetes.podspec-nodeselector and -tolerations in config-features. */}}
{{- define "kubedoor.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "kubedoor.tlsItems" -}}
- {key: tls.crt, path: tls.crt}
- {key: tls.key, path: tls.key}
- {key: ca.crt, path: ca.crt}
{{- end -}}

{{/* Secret with the DSN of the store, as {name, key}. */}}
{{- define "kubedoor.dsnSecret" -}}
{{- with .Values.clickhouse -}}
{{- if .existingSecret.name -}}
{name: {{ .existingSecret.name | quote }}, key: {{ .existingSecret.key | quote }}}
{{- else if or .dsn .builtin.enabled -}}
{name: kubedoor-store, key: dsn}
{{- else -}}
{{ fail "\n\nWhere is ClickHouse? Set clickhouse.existingSecret.name (a Secret with the DSN), clickhouse.dsn, or, for trying out, clickhouse.builtin.enabled=true." }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "kubedoor.ownSecret" -}}
{{ .Values.secrets.existingSecret | default "kubedoor" }}
{{- end -}}

{{/* Changes with what the pods read only when they start: the Secrets that they name, and values that the chart puts into one.
Settings stand in the pods themselves. Secrets that the chart generates are left out, since they do not exist before the first
install. Without cluster access (lookup), only values count. */}}
{{- define "kubedoor.secretsChecksum" -}}
{{- $v := .Values -}}
{{- $names := list $v.clickhouse.existingSecret.name $v.clickhouse.ca.secretName $v.secrets.existingSecret -}}
{{- $names = concat $names (list $v.oidc.clientSecret.secretName $v.admin.existingSecret.name) -}}
{{- $maps := list $v.prometheus -}}
{{- range $v.clusters -}}
{{- $names = append $names (dig "kubeconfig" "secretName" "" .) -}}
{{- $names = append $names (dig "door" "ca" "secretName" "" .) -}}
{{- $maps = append $maps (.prometheus | default dict) -}}
{{- end -}}
{{- range $map := $maps -}}
{{- range $part := list "bearerToken" "basicAuth" "headers" "ca" -}}
{{- $names = append $names (dig $part "secretName" "" $map) -}}
{{- end -}}
{{- end -}}
{{- range $v.extraEnv -}}{{- $names = append $names (dig "valueFrom" "secretKeyRef" "name" "" .) -}}{{- end -}}
{{- $found := list $v.clickhouse.dsn $v.secrets.collectToken $v.secrets.sessionSecret -}}
{{- range $name := without $names "" nil | uniq | sortAlpha -}}
{{- $found = append $found (dig "data" dict (default dict (lookup "v1" "Secret" $.Release.Namespace $name))) -}}
{{- end -}}
{{ toJson $found | sha256sum }}
{{- end -}}

{{/* "true" if `settings` or `extraEnv` has this variable, which then wins; call with (list . "KUBEDOOR_…"). */}}
{{- define "kubedoor.isGiven" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}
{{- if hasKey $root.Values.settings $name -}}true{{- end -}}
{{- range $root.Values.extraEnv -}}{{- if eq .name $name -}}true{{- end -}}{{- end -}}
{{- end -}}

{{/* Secret with the first user's first password; empty: settings or extraEnv has it, or nobody logs in here. A Secret of one's
own need not have it: then the first password opens nothing to other machines. */}}
{{- define "kubedoor.adminSecret" -}}
{{- if or .Values.doorOnly (include "kubedoor.isGiven" (list . "KUBEDOOR_ADMIN_PASSWORD")) -}}
{{- else if .Values.admin.existingSecret.name -}}
{name: {{ .Values.admin.existingSecret.name | quote }}, key: {{ .Values.admin.existingSecret.key | quote }}}
{{- else if .Values.secrets.existingSecret -}}
{name: {{ .Values.secrets.existingSecret }}, key: admin-password, optional: true}
{{- else -}}
{name: kubedoor, key: admin-password}
{{- end -}}
{{- end -}}

{{/* A random value that is kept across upgrades. Without cluster access (lookup) it is new each time: see values.yaml. */}}
{{- define "kubedoor.kept" -}}
{{- $root := index . 0 -}}{{- $given := index . 3 -}}
{{- if $given -}}{{ $given }}
{{- else -}}
{{- $found := lookup "v1" "Secret" $root.Release.Namespace (index . 1) -}}
{{- $old := dig "data" (index . 2) "" (default dict $found) -}}
{{- if $old -}}{{ $old | b64dec }}{{- else -}}{{ randAlphaNum 40 }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "kubedoor.checkValues" -}}
{{- include "kubedoor.checkFormats" . -}}
{{- if and (not .Values.prometheus.url) (not .Values.prometheus.sample) (not .Values.doorOnly) -}}
{{ fail "\n\nWhere is Prometheus? Set prometheus.url, e.g. http://prometheus.monitoring:9090, or, for trying out, prometheus.sample=true." }}
{{- end -}}
{{- if and .Values.prometheus.bearerToken.secretName .Values.prometheus.basicAuth.secretName -}}
{{ fail "\n\nprometheus.bearerToken and prometheus.basicAuth exclude each other: unset one." }}
{{- end -}}
{{- if and .Values.admin.password (or .Values.admin.existingSecret.name .Values.secrets.existingSecret) -}}
{{ fail "\n\nadmin.password is kept in the Secret that the chart makes: with a Secret of your own, put the password there and unset it." }}
{{- end -}}
{{- if and .Values.doorOnly .Values.clusters -}}
{{ fail "\n\ndoorOnly installs nothing that asks other clusters: list clusters where KubeDoor itself is." }}
{{- end -}}
{{- range .Values.clusters -}}
{{- if and (not $.Values.cluster.label) (not $.Values.prometheus.sample) (not (dig "url" "" (.prometheus | default dict))) -}}
{{ fail (printf "\n\nclusters: %s has no prometheus.url of its own, so cluster.label has to say by which label prometheus.url tells it apart." .name) }}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.collect.trigger "pingsource") (not .Values.secrets.collectToken) -}}
{{ fail "\n\ncollect.trigger=pingsource: a PingSource cannot read a Secret, so set secrets.collectToken (or use the CronJob)." }}
{{- end -}}
{{- if gt (mulf .Values.collect.budgetSeconds 3 | int) (.Values.collect.timeoutSeconds | int) -}}
{{ fail "\n\ncollect.budgetSeconds must be at most a third of collect.timeoutSeconds: a day that has begun is finished." }}
{{- end -}}
{{- if and .Values.mutate.hostNetwork (ne .Values.mutate.mode "deployment") -}}
{{ fail "\n\nmutate.hostNetwork: Knative's pods cannot share the network of their node. Set mutate.mode to deployment." }}
{{- end -}}
{{- if and (eq .Values.door.failurePolicy "Fail") (lt (.Values.mutate.replicas | int) 2) -}}
{{ fail "\n\ndoor.failurePolicy=Fail with one replica would stop all releases while it restarts: set mutate.replicas to 2 or more." }}
{{- end -}}
{{- end -}}
