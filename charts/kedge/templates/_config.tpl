{{/* The operator's configuration: `config`, with what other values say of store, namespaces and the account of steps. */}}
{{- define "kedge.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if not $config.image }}{{ $_ := unset $config "image" }}{{ end -}}
{{- $_ := set $config "store" (include "kedge.storeSettings" . | fromYaml) -}}
{{- $_ := set $config "namespaces" (include "kedge.scope" . | fromYamlArray) -}}
{{- $_ := set $config "leaderElection" (merge (deepCopy $config.leaderElection) (dict "name" (include "kedge.operator" .))) -}}
{{- with include "kedge.stepAccount" . -}}
{{- $_ := set $config "podTemplate" (merge (deepCopy $config.podTemplate) (dict "spec" (dict "serviceAccountName" .))) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* What jobs may ask of their pods, with the chart's own account and image for steps, which no operator holds against them. */}}
{{- define "kedge.podPolicy" -}}
{{- $policy := deepCopy .Values.config.podPolicy -}}
{{- with include "kedge.stepAccount" . }}{{ $_ := set $policy "serviceAccounts" (append $policy.serviceAccounts .) }}{{ end -}}
{{- if and $policy.images .Values.config.image }}{{ $_ := set $policy "images" (append $policy.images .Values.config.image) }}{{ end -}}
{{- toYaml $policy -}}
{{- end -}}

{{/* The store: the embedded one, or that of the values. */}}
{{- define "kedge.storeSettings" -}}
{{- $store := .Values.store -}}
{{- $shared := .Files.Get "files/shared.yaml" | fromYaml -}}
{{- $url := $store.url -}}
{{- $endpoint := $store.endpoint -}}
{{- if $store.embedded.enabled -}}
{{- $url = $shared.store.url -}}
{{- $endpoint = printf "http://%s.%s:%d" (include "kedge.store" .) .Release.Namespace (int $shared.store.port) -}}
{{- end -}}
{{- $environment := deepCopy $store.environment -}}
{{- with $endpoint }}{{ $_ := set $environment "AWS_ENDPOINT_URL" . }}{{ end -}}
{{- if hasPrefix "http://" $endpoint }}{{ $_ := set $environment "AWS_ALLOW_HTTP" "true" }}{{ end -}}
{{- if and $store.region (hasPrefix "s3://" $url) }}{{ $_ := set $environment "AWS_REGION" $store.region }}{{ end -}}
url: {{ $url | quote }}
patienceSeconds: {{ $store.patienceSeconds }}
environment:
  {{- toYaml $environment | nindent 2 }}
{{- with include "kedge.storeSecret" . }}
secretName: {{ . | quote }}
{{- end }}
{{- end -}}
