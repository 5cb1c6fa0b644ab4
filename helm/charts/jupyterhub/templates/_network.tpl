{{- /* `allowedIngressPorts` of a policy as rules: open to everybody. Names are those of the pod's ports. */ -}}
{{- define "jupyterhub.openPorts" -}}
{{- with .allowedIngressPorts }}
- ports:
    {{- range . }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}
{{- end -}}
