{{/* A role with its binding to the operator's account. Takes a dict of root, name, rules and, for a Role, namespace. */}}
{{- define "kedge.grant" -}}
{{- $kind := empty .namespace | ternary "ClusterRole" "Role" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  {{- include "kedge.metadata" . | nindent 2 }}
rules:
  {{- toYaml .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  {{- include "kedge.metadata" . | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ .name | quote }}
subjects:
  - kind: ServiceAccount
    name: {{ include "kedge.serviceAccount" .root | quote }}
    namespace: {{ .root.Release.Namespace | quote }}
{{- end -}}

{{/* The same in each of some namespaces, or for none of them in the whole cluster. Takes a dict with namespaces, too. */}}
{{- define "kedge.grants" -}}
{{- $one := omit . "namespaces" -}}
{{- range .namespaces }}
---
{{ include "kedge.grant" (merge (dict "namespace" .) $one) }}
{{- else }}
---
{{ include "kedge.grant" (merge (dict "namespace" "") $one) }}
{{- end }}
{{- end -}}
