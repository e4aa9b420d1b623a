{{/* Parts of the operator's pods. */}}

{{- define "kedge.operatorImage" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ default .Chart.AppVersion $image.tag }}
{{- end -}}
{{- end -}}

{{/* Where its variables come from. The Secret may be missing, as when a cloud gives the account an identity. */}}
{{- define "kedge.envFrom" -}}
{{- $sources := .Values.extraEnvFrom -}}
{{- with include "kedge.storeSecret" . -}}
{{- $sources = prepend $sources (dict "secretRef" (dict "name" . "optional" true)) -}}
{{- end -}}
{{- toYaml $sources -}}
{{- end -}}
