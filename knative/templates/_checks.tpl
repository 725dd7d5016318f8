{{/* Checks of values that values.schema.json cannot make, and of addresses: it would print them with their passwords. */}}
{{- define "kubedoor.checkFormats" -}}
{{- $port := "(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?" -}}
{{- $server := printf "https?://([^/?#\\s]*@)?(\\[[0-9A-Fa-f:.]+\\]|[^/?#@:\\s\\[\\]]+)%s" $port -}}
{{- $url := printf "^%s(/[^?#\\s]*)?$" $server -}}
{{- $urls := dict "/prometheus/url" .Values.prometheus.url "/oidc/issuer" .Values.oidc.issuer "/api/publicUrl" .Values.api.publicUrl -}}
{{- range .Values.clusters -}}
{{- $_ := set $urls (printf "/clusters/%s/prometheus/url" .name) (dig "url" "" (.prometheus | default dict)) -}}
{{- end -}}
{{- range $where, $value := $urls -}}
{{- if and $value (not (regexMatch $url $value)) -}}
{{ fail (printf "\n\nat '%s': not an address that begins with http:// or https://, e.g. https://name.example.com:9090/path; it is not shown, since it may have a password." $where) }}
{{- end -}}
{{- end -}}
{{- with .Values.clickhouse.dsn -}}
{{- $dsn := printf "^%s(/([A-Za-z_][A-Za-z0-9_]{0,63})?/?)?(\\?(database=[A-Za-z_][A-Za-z0-9_]{0,63})?)?$" $server -}}
{{- if or (not (regexMatch $dsn .)) (regexMatch "(^[^?]*[^/]/|\\?database=)[kcmwrfa]/?(\\?|$)" .) -}}
{{ fail "\n\nat '/clickhouse/dsn': not like https://kubedoor:secret@clickhouse:8443/kubedoor: http or https, and a database with a plain name of two letters or more; it is not shown, since it has a password." }}
{{- end -}}
{{- end -}}
{{- include "kubedoor.checkPeak" (list . "/peak" .Values.peak) -}}
{{- range .Values.clusters -}}
{{- include "kubedoor.checkPeak" (list $ (printf "/clusters/%s/peak" .name) (.peak | default dict)) -}}
{{- end -}}
{{- include "kubedoor.checkClusters" . -}}
{{- $given := keys .Values.settings -}}
{{- range .Values.extraEnv }}{{ $given = append $given .name }}{{ end -}}
{{- if .Values.oidc.issuer -}}
{{- if not (or .Values.api.publicUrl (has "KUBEDOOR_PUBLIC_URL" $given)) -}}
{{ fail "\n\noidc.issuer needs api.publicUrl, the address that the provider leads back to, e.g. https://kubedoor.example.com." }}
{{- end -}}
{{- if not (or .Values.oidc.clientId (has "KUBEDOOR_OIDC_CLIENT_ID" $given)) -}}
{{ fail "\n\noidc.issuer needs oidc.clientId." }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "kubedoor.checkClusters" -}}
{{- $names := list .Values.cluster.name -}}
{{- range .Values.clusters -}}
{{- if has .name $names -}}
{{ fail (printf "\n\nat '/clusters': the name %s is taken twice; cluster.name is one of them." .name) }}
{{- end -}}
{{- $names = append $names .name -}}
{{- $prometheus := .prometheus | default dict -}}
{{- $user := dig "basicAuth" "secretName" "" $prometheus -}}
{{- if and $user (dig "bearerToken" "secretName" "" $prometheus) -}}
{{ fail (printf "\n\nat '/clusters/%s/prometheus': bearerToken and basicAuth exclude each other: unset one." .name) }}
{{- end -}}
{{- if and $user (not (dig "basicAuth" "username" "" $prometheus)) -}}
{{ fail (printf "\n\nat '/clusters/%s/prometheus/basicAuth': the Secret has the password only: set username." .name) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Call with (list . "/where" peak). The form of the windows is checked by the schema. */}}
{{- define "kubedoor.checkPeak" -}}
{{- $ := index . 0 -}}{{- $where := index . 1 -}}{{- $peak := index . 2 -}}
{{- with $peak.timeZone -}}
{{- if not (has . ($.Files.Lines "files/time-zones.txt")) -}}
{{ fail (printf "\n\nat '%s/timeZone': '%s' is not a time zone of the IANA database, such as Europe/Berlin." $where .) }}
{{- end -}}
{{- end -}}
{{- /* Minutes after midnight as text of five digits, which sorts like numbers: 10600-10690. */ -}}
{{- $spans := list -}}
{{- range $window := splitList "," ($peak.windows | default "") | compact -}}
{{- $clock := regexFindAll "[0-9]+" $window -1 -}}
{{- $start := add (mul 60 (atoi (index $clock 0))) (atoi (index $clock 1)) -}}
{{- $end := add (mul 60 (atoi (index $clock 2))) (atoi (index $clock 3)) -}}
{{- if or (ge $start 1440) (gt $end 1440) (eq $start $end) -}}
{{ fail (printf "\n\nat '%s/windows': '%s' is empty, or has a time that no clock shows: 00:00 to 23:59, and 24:00 as an end." $where $window) }}
{{- end -}}
{{- $spans = append $spans (printf "%d-%d" (add 10000 $start) (add 10000 $end (ternary 1440 0 (lt $end $start)))) -}}
{{- end -}}
{{- $spans = sortAlpha $spans -}}
{{- /* Where the last window ends on the next day, before the first one begins. */ -}}
{{- $before := 0 -}}
{{- if gt (len $spans) 1 }}{{ $before = sub (splitList "-" (last $spans) | last | atoi) 1440 }}{{ end -}}
{{- range $spans -}}
{{- if le (splitList "-" . | first | atoi) (int $before) -}}
{{ fail (printf "\n\nat '%s/windows': '%s' has windows that overlap or touch: write them as one." $where $peak.windows) }}
{{- end -}}
{{- $before = splitList "-" . | last | atoi -}}
{{- end -}}
{{- end -}}
