{{- /*
The values as the hub reads them: without secrets that have keys of their own, and with what other values mean in
JupyterHub's own words.
*/ -}}
{{- define "jupyterhub.values" -}}
{{- $values := omit (deepCopy .Values) "global" "enabled" -}}
{{- $hub := omit $values.hub "cookieSecret" "extraFiles" -}}
{{- $_ := set $hub "db" (omit $hub.db "password") -}}
{{- range $name, $service := $hub.services -}}
{{- $_ := set $hub.services $name (omit ($service | default dict) "apiToken" "api_token") -}}
{{- end -}}
{{- $config := $hub.config | default dict -}}
{{- range $section, $name := dict "JupyterHub" "cookie_secret" "ConfigurableHTTPProxy" "auth_token" "CryptKeeper" "keys" -}}
{{- with get $config $section -}}
{{- $_ := set $config $section (omit . $name) -}}
{{- end -}}
{{- end -}}
{{- $words := dict -}}
{{- range $name, $value := dict
    "public_url" .Values.hub.publicURL
    "shutdown_on_logout" .Values.hub.shutdownOnLogout
    "template_vars" .Values.hub.templateVars
    "log_level" (ternary 10 nil .Values.debug.enabled)
-}}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "") (eq (toString $value) "map[]")) -}}
{{- $_ := set $words $name $value -}}
{{- end -}}
{{- end -}}
{{- with $words -}}
{{- $_ := set $config "JupyterHub" (merge (get $config "JupyterHub" | default dict) .) -}}
{{- end -}}
{{- with .Values.hub.consecutiveFailureLimit -}}
{{- $_ := set $config "Spawner" (merge (get $config "Spawner" | default dict) (dict "consecutive_failure_limit" (int .))) -}}
{{- end -}}
{{- $_ := set $hub "config" $config -}}
{{- $_ := set $values "hub" $hub -}}
{{- $_ := set $values "proxy" (omit $values.proxy "secretToken" "https") -}}
{{- $pull := list -}}
{{- range concat (dig "imagePullSecrets" list (.Values.global | default dict)) .Values.imagePullSecrets .Values.singleuser.image.pullSecrets -}}
{{- if kindIs "map" . }}{{ $pull = append $pull .name }}{{ else }}{{ $pull = append $pull . }}{{ end -}}
{{- end -}}
{{- $_ := set $values "imagePullSecrets" (uniq $pull) -}}
{{- $_ := set $values "imagePullSecret" (dict "name" (ternary "image-pull-secret" "" .Values.imagePullSecret.create)) -}}
{{- with .Values.singleuser.extraFiles -}}
{{- $storage := $values.singleuser.storage -}}
{{- $volumes := include "jupyterhub.fileVolume" (dict "secret" "singleuser" "files" .) | fromYamlArray -}}
{{- $mounts := include "jupyterhub.fileMounts" . | fromYamlArray -}}
{{- $_ := set $storage "extraVolumes" (concat (include "jupyterhub.list" $storage.extraVolumes | fromYamlArray) $volumes) -}}
{{- $_ := set $storage "extraVolumeMounts" (concat (include "jupyterhub.list" $storage.extraVolumeMounts | fromYamlArray) $mounts) -}}
{{- end -}}
{{- $_ := set $values "singleuser" (omit $values.singleuser "extraFiles") -}}
{{- toYaml $values -}}
{{- end -}}

{{- /* KubeSpawner takes volumes as a list or as a map by name, whose values count. */ -}}
{{- define "jupyterhub.list" -}}
{{- if kindIs "map" . }}{{ toYaml (values .) }}{{ else }}{{ toYaml (. | default list) }}{{ end }}
{{- end -}}

{{- /*
What the hub reads when it starts: a change of it starts a new hub. Never what the chart makes up itself, and nothing
that only other objects are made of.
*/ -}}
{{- define "jupyterhub.restarts" -}}
{{- $hub := omit .Values.hub "networkPolicy" "pdb" "service" "annotations" "labels" "serviceAccount" -}}
{{- $singleuser := omit .Values.singleuser "networkPolicy" -}}
{{- toJson (list $hub $singleuser .Values.custom .Values.debug (include "jupyterhub.values" . | fromYaml | dig "imagePullSecrets" list) .Values.imagePullSecret.create .Values.scheduling.podPriority.enabled .Values.proxy.secretToken) -}}
{{- end -}}
