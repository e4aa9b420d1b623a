{{/* Rules of network policies. */}}

{{/* Some peers at some ports; no peers are all. Takes a dict of peers, ports, and protocols (TCP alone if not given). */}}
{{- define "kedge.egress" -}}
- ports:
    {{- $protocols := default (list "TCP") .protocols }}
    {{- range $port := .ports }}
    {{- range $protocols }}
    - {port: {{ $port }}, protocol: {{ . }}}
    {{- end }}
    {{- end }}
  {{- with .peers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "kedge.egressToDns" -}}
{{- $dns := .Values.networkPolicy.dns -}}
{{- include "kedge.egress" (dict "peers" $dns.to "ports" $dns.ports "protocols" (list "UDP" "TCP")) -}}
{{- end -}}

{{- define "kedge.egressToStore" -}}
{{- $store := .Values.networkPolicy.store -}}
{{- if .Values.store.embedded.enabled -}}
{{- $peer := include "kedge.peer" (list . "kedge-store") | fromYaml -}}
{{- $port := (.Files.Get "files/shared.yaml" | fromYaml).store.port -}}
{{- include "kedge.egress" (dict "peers" (list $peer) "ports" (list $port)) -}}
{{- else -}}
{{- include "kedge.egress" (dict "peers" $store.to "ports" $store.ports) -}}
{{- end -}}
{{- end -}}

{{/* The pods of an app of this release. Takes (list $ APP). */}}
{{- define "kedge.peer" -}}
namespaceSelector:
  matchLabels:
    kubernetes.io/metadata.name: {{ (index . 0).Release.Namespace | quote }}
podSelector:
  matchLabels:
    {{- include "kedge.selector" . | nindent 4 }}
{{- end -}}

{{/* Step pods, wherever they are. */}}
{{- define "kedge.stepPeer" -}}
namespaceSelector: {}
podSelector:
  matchLabels:
    {{- (.Files.Get "files/shared.yaml" | fromYaml).steps.selector | toYaml | nindent 4 }}
{{- end -}}
