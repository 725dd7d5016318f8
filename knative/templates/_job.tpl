{{/* Pod template of a Job; call with (dict "root" . "component" … "command" (list …) "env" "…" "account" … "volumes" …). */}}
{{- define "kubedoor.jobPod" -}}
metadata:
  labels: {{- include "kubedoor.podLabels" (list .root .component) | nindent 4 }}
spec:
  restartPolicy: Never
  {{- with .account }}
  serviceAccountName: {{ . }}
  {{- else }}
  automountServiceAccountToken: false
  {{- end }}
  enableServiceLinks: false
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets: {{ toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "kubedoor.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      command: {{ .command | toJson }}
      env: {{- .env | nindent 8 }}
      resources:
        requests: {cpu: 50m, memory: 128Mi}
        limits: {memory: 512Mi}
      securityContext: {{- include "kubedoor.containerSecurity" .root | nindent 8 }}
      volumeMounts:
        {{- with .mounts }}{{ . | nindent 8 }}{{ end }}
        {{- include "kubedoor.mounts" .root | nindent 8 }}
  volumes:
    {{- with .volumes }}{{ . | nindent 4 }}{{ end }}
    {{- include "kubedoor.volumes" .root | nindent 4 }}
{{- end -}}
