{{- /*
`extraFiles` as keys of a Secret's `data:`. Not `stringData:`, of which Kubernetes would keep a file that is taken out
of the values.
*/ -}}
{{- define "jupyterhub.files" -}}
{{- range $name, $file := . }}
{{- $text := $file.stringData | default "" }}
{{- if hasKey $file "data" }}
{{- $ending := ext $file.mountPath }}
{{- if eq $ending ".json" }}
{{- $text = toPrettyJson $file.data }}
{{- else if eq $ending ".toml" }}
{{- $text = toToml $file.data }}
{{- else if has $ending (list ".yaml" ".yml") }}
{{- $text = toYaml $file.data }}
{{- else }}
{{- fail (printf "extraFiles.%s: `data` is written as .yaml, .yml, .json or .toml, but mountPath ends in %q. Use stringData for other files." $name $ending) }}
{{- end }}
{{- end }}
extraFiles.{{ $name }}: {{ $file.binaryData | default (b64enc $text) | replace "\n" "" | replace " " "" | quote }}
{{- end }}
{{- end -}}

{{- /* Mounts of `extraFiles`, as a list; each file alone, so that what else is in its folder stays. */ -}}
{{- define "jupyterhub.fileMounts" -}}
{{- range $name, $file := . }}
- {name: extra-files, mountPath: {{ $file.mountPath | quote }}, subPath: {{ $name | quote }}, readOnly: true}
{{- end }}
{{- end -}}

{{- /* The volume with `extraFiles`, as a list; called with (dict "secret" "hub" "files" …). */ -}}
{{- define "jupyterhub.fileVolume" -}}
{{- with .files }}
- name: extra-files
  secret:
    secretName: {{ $.secret }}
    items:
      {{- range $name, $file := . }}
      - {key: {{ printf "extraFiles.%s" $name | quote }}, path: {{ $name | quote }}{{ with $file.mode }}, mode: {{ . | int }}{{ end }}}
      {{- end }}
{{- end }}
{{- end -}}
