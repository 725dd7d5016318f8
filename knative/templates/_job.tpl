{{/* Pod template of a Job; call with (dict "root" . "component" … "command" (list …) "env" "…" "account" … "volumes" …). */}}
{{- define "kubedoor.jobPod" -}}
metadata:
  labels: {{- include "kubedoor.podLabels" (list .root .component) | nindent 4 }}
  {{- with .root.Values.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  restartPolicy: Never
  {{- with .account }}
  serviceAccountName: {{ . }}
  {{- else }}
  automountServiceAccountToken: false
  {{- end }}
  enableServiceLinks: false
  {{- with include "kubedoor.placement" .root }}{{ . | nindent 2 }}{{ end }}
  containers:
    - name: {{ .component }}
      image: {{ include "kubedoor.image" .root | quote }}
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
