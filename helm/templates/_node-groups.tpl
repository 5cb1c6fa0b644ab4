{{- /* Where a pod of a node group runs: the same selector and tolerations that plans give to people's servers. */ -}}
{{- define "qhub.nodeGroupPlace" -}}
{{- with .labels }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
  nodeAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        preference:
          matchExpressions:
            - {key: hub.jupyter.org/node-purpose, operator: In, values: [user]}
tolerations:
  {{- range .taints }}
  - {key: {{ .key | quote }}, operator: Equal, value: {{ .value | default "" | quote }}, effect: {{ .effect | default "NoSchedule" }}}
  {{- end }}
  - {key: hub.jupyter.org/dedicated, operator: Equal, value: user, effect: NoSchedule}
  - {key: hub.jupyter.org_dedicated, operator: Equal, value: user, effect: NoSchedule}
{{- end -}}

{{- /* An amount of cores as the section qhub writes it (0.5, "2", "500m") in thousandths. */ -}}
{{- define "qhub.millicores" -}}
{{- if hasSuffix "m" (toString .) }}{{ trimSuffix "m" . | int64 }}{{ else }}{{ round (mulf (float64 .) 1000.0) 0 | int64 }}{{ end -}}
{{- end -}}

{{- /* An amount of memory as the section qhub writes it (a number of bytes, "512Mi", "4G") in bytes. */ -}}
{{- define "qhub.bytes" -}}
{{- $bytes := 0.0 -}}
{{- if kindIs "string" . -}}
{{- $number := regexFind "^[0-9.]+" . -}}
{{- $unit := trimPrefix $number . -}}
{{- $base := ternary 1024.0 1000.0 (hasSuffix "i" $unit) -}}
{{- $bytes = float64 $number -}}
{{- range until (dict "K" 1 "M" 2 "G" 3 "T" 4 "P" 5 | dig (trimSuffix "i" $unit | upper) 0) }}{{ $bytes = mulf $bytes $base }}{{ end -}}
{{- else -}}
{{- $bytes = float64 . -}}
{{- end -}}
{{- int64 $bytes -}}
{{- end -}}
