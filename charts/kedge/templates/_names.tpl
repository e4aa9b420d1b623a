{{/* What objects are called, and by which labels they are known. */}}

{{/* What all names begin with: "kedge" for a release of that name. */}}
{{- define "kedge.base" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $full .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "kedge.operator" -}}
{{ include "kedge.base" . }}-operator
{{- end -}}

{{- define "kedge.store" -}}
{{ include "kedge.base" . }}-store
{{- end -}}

{{- define "kedge.serviceAccount" -}}
{{- default (.Values.serviceAccount.create | ternary (include "kedge.operator" .) "default") .Values.serviceAccount.name -}}
{{- end -}}

{{/* The account of step pods; empty: they have that of their namespace. */}}
{{- define "kedge.stepAccount" -}}
{{- $made := printf "%s-step" (include "kedge.base" .) -}}
{{- default (.Values.steps.serviceAccount.create | ternary $made "") .Values.steps.serviceAccount.name -}}
{{- end -}}

{{/* The Secret with the store's credentials; empty: none. */}}
{{- define "kedge.storeSecret" -}}
{{- .Values.store.embedded.enabled | ternary (include "kedge.store" .) .Values.store.existingSecret -}}
{{- end -}}

{{/* The namespaces in `scope`: none when it is the whole cluster. */}}
{{- define "kedge.scope" -}}
{{- (kindIs "slice" .Values.scope | ternary .Values.scope list) | toYaml -}}
{{- end -}}

{{/* The namespaces in which something of ours is for steps. */}}
{{- define "kedge.stepNamespaces" -}}
{{- concat (include "kedge.scope" . | fromYamlArray) .Values.steps.namespaces | uniq | toYaml -}}
{{- end -}}

{{/* Labels by which pods are selected; never changed by an upgrade. Takes (list $ APP). */}}
{{- define "kedge.selector" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
{{- end -}}

{{/* Labels of a pod. Takes (list $ APP MORE). */}}
{{- define "kedge.podLabels" -}}
{{- $root := index . 0 -}}
{{- $ours := include "kedge.selector" . | fromYaml -}}
{{- merge $ours (dict "app.kubernetes.io/part-of" "kedge") (index . 2) $root.Values.commonLabels | toYaml -}}
{{- end -}}

{{/* An object's metadata. Takes a dict of root, name, and where it has them namespace, app, labels, annotations. */}}
{{- define "kedge.metadata" -}}
{{- $values := .root.Values -}}
{{- $ours := include "kedge.selector" (list .root (default "kedge-operator" .app)) | fromYaml -}}
{{- $release := dict "app.kubernetes.io/part-of" "kedge" "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $release "app.kubernetes.io/version" .root.Chart.AppVersion -}}
{{- $_ := set $release "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
name: {{ .name | quote }}
{{- with .namespace }}
namespace: {{ . | quote }}
{{- end }}
labels:
  {{- merge $ours $release (default dict .labels) $values.commonLabels | toYaml | nindent 2 }}
{{- with merge dict (default dict .annotations) $values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
