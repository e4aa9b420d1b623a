{{/* What a monitor scrapes. Takes the monitor's values. */}}
{{- define "kedge.endpoint" -}}
- port: http
  path: /metrics
  {{- with .interval }}
  interval: {{ . | quote }}
  {{- end }}
  {{- with .scrapeTimeout }}
  scrapeTimeout: {{ . | quote }}
  {{- end }}
  {{- with .relabelings }}
  relabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .metricRelabelings }}
  metricRelabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* The rules of alerts/kedge.yaml that are wanted, and those that are added. Takes (list $ VALUES). */}}
{{- define "kedge.alerts" -}}
{{- $found := list -}}
{{- $all := (index ((index . 0).Files.Get "alerts/kedge.yaml" | fromYaml).groups 0).rules -}}
{{- $values := index . 1 -}}
{{- range $all -}}
{{- if not (has .alert $values.disabled) -}}
{{- $found = append $found . -}}
{{- end -}}
{{- end -}}
{{- $known := list -}}
{{- range $all -}}
{{- $known = append $known .alert -}}
{{- end -}}
{{- range $values.disabled -}}
{{- if not (has . $known) -}}
{{- fail (printf "metrics.prometheusRule.disabled: there is no alert %s; there are %s" . (join ", " $known)) -}}
{{- end -}}
{{- end -}}
{{- concat $found $values.rules | toYaml -}}
{{- end -}}
