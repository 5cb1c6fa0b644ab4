{{- /*
The reference of an image, from {name, tag}.

QHub's own images, whose names begin with `qhub/`, lie in `global.imageRegistry` and have the tag of this version; all
others are named in full, as in Zero to JupyterHub.

Called with (dict "top" $ "image" .Values.hub.image).
*/ -}}
{{- define "qhub.image" -}}
{{- $registry := dig "imageRegistry" "" (.top.Values.global | default dict) -}}
{{- $ours := hasPrefix "qhub/" .image.name -}}
{{- $tag := .image.tag | default (ternary .top.Chart.AppVersion "" $ours) -}}
{{- if and $ours $registry }}{{ trimSuffix "/" $registry }}/{{ end }}{{ .image.name }}{{ with $tag }}:{{ . }}{{ end }}
{{- end -}}

{{- /* Secrets to pull images with, as `imagePullSecrets:`; called with (dict "top" $ "more" (list "name")). */ -}}
{{- define "qhub.imagePullSecrets" -}}
{{- $names := concat (dig "imagePullSecrets" list (.top.Values.global | default dict)) (.more | default list) -}}
{{- $objects := list -}}
{{- range $names -}}
{{- $objects = append $objects (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- with uniq $objects }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Secrets to pull the images of servers with, as `imagePullSecrets:`. */ -}}
{{- define "qhub.labImagePullSecrets" -}}
{{- $made := ternary (list "image-pull-secret") list .Values.jupyterhub.imagePullSecret.create -}}
{{- include "qhub.imagePullSecrets" (dict "top" . "more" (concat $made (.Values.jupyterhub.imagePullSecrets | default list) (.Values.jupyterhub.singleuser.image.pullSecrets | default list))) -}}
{{- end -}}
