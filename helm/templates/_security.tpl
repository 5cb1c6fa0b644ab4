{{- /*
Who processes run as and what they may do, in one place: Pod Security's level `restricted`, and a root file system that
nobody writes to. Values of Zero to JupyterHub's names lie over them.
*/ -}}

{{- /* Of a pod; called with the values' podSecurityContext. */ -}}
{{- define "qhub.podSecurity" -}}
{{- $ours := dict "runAsNonRoot" true "runAsUser" 1000 "runAsGroup" 1000 "seccompProfile" (dict "type" "RuntimeDefault") -}}
securityContext:
  {{- toYaml (merge (deepCopy (. | default dict)) $ours) | nindent 2 }}
{{- end -}}

{{- /* Of a container; called with the values' containerSecurityContext. */ -}}
{{- define "qhub.containerSecurity" -}}
{{- $ours := dict "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL")) "readOnlyRootFilesystem" true -}}
securityContext:
  {{- toYaml (merge (deepCopy (. | default dict)) $ours) | nindent 2 }}
{{- end -}}
