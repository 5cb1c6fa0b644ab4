{{- /*
Where the hub, the proxy and the storage service run: on nodes for them where there are some.

Called with (dict "scheduling" …the jupyterhub values' scheduling… "own" …nodeSelector and tolerations of the part…).
*/ -}}
{{- define "qhub.corePods" -}}
{{- $core := dig "corePods" dict (.scheduling | default dict) -}}
{{- $purpose := dig "nodeAffinity" "matchNodePurpose" "prefer" $core -}}
{{- with dig "nodeSelector" dict .own }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat (dig "tolerations" list $core) (dig "tolerations" list .own) }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if ne $purpose "ignore" }}
affinity:
  nodeAffinity:
    {{- if eq $purpose "require" }}
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions:
            - {key: hub.jupyter.org/node-purpose, operator: In, values: [core]}
    {{- else }}
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        preference:
          matchExpressions:
            - {key: hub.jupyter.org/node-purpose, operator: In, values: [core]}
    {{- end }}
{{- end }}
{{- end -}}
