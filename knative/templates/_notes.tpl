{{/* The commands of the switch, by what enforces (control.door). */}}
{{- define "kubedoor.onCommands" -}}
{{- $door := (include "kubedoor.settingValues" . | fromJson).KUBEDOOR_DOOR -}}
{{- $pod := "deploy/mutate --" -}}
{{- if ne .Values.mutate.mode "deployment" -}}
{{- $pod = printf "$(kubectl -n %s get pod -l app.kubernetes.io/component=mutate -o name | head -n 1) -c mutate --" .Release.Namespace -}}
{{- end -}}
{{- range list (ternary "" "webhook" (eq $door "native")) (ternary "" "policies" (eq $door "webhook")) }}
{{- if . }}
  kubectl -n {{ $.Release.Namespace }} exec {{ $pod }} python -m kubedoor {{ . }} | kubectl apply -f -
{{- end }}
{{- end }}
{{- if ne $door "webhook" }}
  (native policies need Kubernetes 1.36{{ if eq $door "both" }}; where the API server has none, the second line fails and the webhook enforces alone{{ end }})
{{- end }}
{{- end -}}

{{/* Both, whatever enforces now: an earlier value of control.door may have left the other one on. */}}
{{- define "kubedoor.offCommands" }}
  kubectl delete --ignore-not-found mutatingwebhookconfigurations kubedoor-webhook-configuration
  kubectl delete --ignore-not-found mutatingadmissionpolicybindings kubedoor-deployments-create kubedoor-deployments kubedoor-deployments-scale
{{- if eq (include "kubedoor.settingValues" . | fromJson).KUBEDOOR_DOOR "webhook" }}
  (where the API server has no native policies, the second line fails, and there is nothing to delete)
{{- end }}
{{- end -}}
