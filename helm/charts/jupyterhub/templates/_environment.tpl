{{- /* Entries of `env:` from {NAME: value}, {NAME: {valueFrom: …}} or a list of Kubernetes' own entries. */ -}}
{{- define "jupyterhub.environment" -}}
{{- if kindIs "slice" . -}}
{{- with . }}{{ toYaml . }}{{ end }}
{{- else -}}
{{- range $name, $value := . }}
- name: {{ $name | quote }}
  {{- if kindIs "map" $value }}
  {{- toYaml (omit $value "name") | nindent 2 }}
  {{- else }}
  value: {{ $value | toString | quote }}
  {{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{- /* A probe; called with (dict "probe" … "path" … "port" … "scheme" …). */ -}}
{{- define "jupyterhub.probe" -}}
{{- with omit .probe "enabled" }}{{ toYaml . }}
{{ end -}}
httpGet: {path: {{ .path | quote }}, port: {{ .port }}, scheme: {{ .scheme | default "HTTP" }}}
{{- end -}}
