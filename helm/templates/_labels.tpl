{{- /*
Labels, in one place. They are those of Zero to JupyterHub, by which people's dashboards and policies find things, and
Kubernetes' recommended ones.

Called with (dict "top" $ "component" "hub").
*/ -}}

{{- /* What selects pods: never changed, because selectors can't be. */ -}}
{{- define "qhub.matchLabels" -}}
app: {{ .top.Chart.Name }}
component: {{ .component }}
release: {{ .top.Release.Name }}
{{- end -}}

{{- /* Of pods: without the chart's version, which would restart them at every upgrade. */ -}}
{{- define "qhub.podLabels" -}}
{{ include "qhub.matchLabels" . }}
app.kubernetes.io/name: {{ .top.Chart.Name }}
app.kubernetes.io/instance: {{ .top.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* Of all other objects. */ -}}
{{- define "qhub.labels" -}}
{{ include "qhub.podLabels" . }}
app.kubernetes.io/managed-by: {{ .top.Release.Service }}
app.kubernetes.io/version: {{ .top.Chart.AppVersion }}
helm.sh/chart: {{ printf "%s-%s" .top.Chart.Name .top.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}
