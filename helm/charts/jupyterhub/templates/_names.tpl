{{- /* The Secret with the keys that must stay the same: the chart's, or the administrator's own. */ -}}
{{- define "jupyterhub.secretName" -}}
{{ .Values.hub.existingSecret | default "hub" }}
{{- end -}}

{{- define "jupyterhub.serviceAccountName" -}}
{{ .Values.hub.serviceAccount.name | default (ternary "hub" "default" .Values.hub.serviceAccount.create) }}
{{- end -}}

{{- /* The path below which people see the hub, without a slash at its end: "" or "/lab". */ -}}
{{- define "jupyterhub.basePath" -}}
{{- $inner := trimAll "/" .Values.hub.baseUrl -}}
{{- if $inner }}/{{ $inner }}{{ end }}
{{- end -}}

{{- /* Whether the proxy itself encrypts: "true" or "". */ -}}
{{- define "jupyterhub.proxyEncrypts" -}}
{{- if and .Values.proxy.https.enabled (has .Values.proxy.https.type (list "secret" "manual")) }}true{{ end }}
{{- end -}}

{{- define "jupyterhub.certificateSecret" -}}
{{ eq .Values.proxy.https.type "manual" | ternary "proxy-public-manual-tls" .Values.proxy.https.secret.name }}
{{- end -}}

{{- /* Where the database's password is. A stated one is in the chart's own Secret. */ -}}
{{- define "jupyterhub.databaseSecret" -}}
{{ ternary "hub" (.Values.hub.existingSecret | default "hub") (not (empty .Values.hub.db.password)) }}
{{- end -}}

{{- /* Names of Secrets to pull an image with, as a list; called with (dict "top" $ "image" …). */ -}}
{{- define "jupyterhub.pullSecrets" -}}
{{- $made := ternary (list "image-pull-secret") list .top.Values.imagePullSecret.create -}}
{{- toYaml (concat $made .top.Values.imagePullSecrets (.image.pullSecrets | default list)) -}}
{{- end -}}
