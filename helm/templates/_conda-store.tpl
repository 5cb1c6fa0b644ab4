{{- /* Whether conda-store builds the environments: "true" or "". */ -}}
{{- define "qhub.condaStore.enabled" -}}
{{- $environments := (.Values.qhub | default dict).environments | default dict -}}
{{- if and (eq ($environments.provider | default "builtin") "conda-store") (ne ($environments.builder | default dict).enabled false) }}true{{ end }}
{{- end -}}

{{- /*
Its server and its worker, as containers beside QHub's own, which orders what is declared and publishes what was built.
One pod: they share a database of files, and only one of each may be there at a time.
*/ -}}
{{- define "qhub.condaStore.containers" -}}
{{- $values := index .Values "conda-store" -}}
{{- $builder := ((.Values.qhub | default dict).environments | default dict).builder | default dict -}}
{{- $base := include "jupyterhub.basePath" (dict "Values" .Values.jupyterhub) -}}
- name: server
  image: {{ include "qhub.image" (dict "top" . "image" $values.image) }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  args: [python, -P, -m, qhub_hub.conda_store.container, server]
  ports:
    - {name: http, containerPort: 8103}
  env:
    - {name: QHUB_ENVIRONMENTS_FOLDER, value: /home/conda}
    - {name: QHUB_HUB_API_URL, value: "http://hub:8081{{ $base }}/hub/api"}
    - {name: JUPYTERHUB_BASE_URL, value: "{{ $base }}/"}
  resources:
    {{- toYaml $values.server.resources | nindent 4 }}
  {{- include "qhub.containerSecurity" dict | nindent 2 }}
  {{- $probe := dict "httpGet" (dict "path" (printf "%s/services/conda-store/favicon.ico" $base) "port" "http") }}
  startupProbe:
    {{- toYaml $probe | nindent 4 }}
    periodSeconds: 1
    failureThreshold: 600
  readinessProbe:
    {{- toYaml $probe | nindent 4 }}
    periodSeconds: 5
    timeoutSeconds: 5
  livenessProbe:
    {{- toYaml $probe | nindent 4 }}
    periodSeconds: 20
    timeoutSeconds: 10
    failureThreshold: 6
  volumeMounts:
    - {name: share, mountPath: /home/conda, subPath: environments}
    - {name: told, mountPath: /var/lib/qhub-conda-store, readOnly: true}
    - {name: server-keys, mountPath: /etc/qhub-conda-store, readOnly: true}
    - {name: server-tmp, mountPath: /tmp}
- name: worker
  image: {{ include "qhub.image" (dict "top" . "image" $values.image) }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  args: [python, -P, -m, qhub_hub.conda_store.container, worker]
  env:
    - {name: QHUB_ENVIRONMENTS_FOLDER, value: /home/conda}
    - {name: JUPYTERHUB_BASE_URL, value: "{{ $base }}/"}
    {{- range $name, $value := $builder.variables }}
    - {name: {{ $name | quote }}, value: {{ $value | toString | quote }}}
    {{- end }}
  resources:
    {{- toYaml (merge (dict "limits" (dict "memory" ($builder.memory | default "4Gi"))) (deepCopy $values.worker.resources)) | nindent 4 }}
  {{- include "qhub.containerSecurity" dict | nindent 2 }}
  volumeMounts:
    # Programs of packages run here: no key, and the values can only be read.
    - {name: share, mountPath: /home/conda, subPath: environments}
    - {name: told, mountPath: /var/lib/qhub-conda-store, readOnly: true}
    - {name: worker-tmp, mountPath: /tmp}
{{- end -}}

{{- /* What these mount besides the share. */ -}}
{{- define "qhub.condaStore.volumes" -}}
{{- $secret := .Values.jupyterhub.hub.existingSecret | default "hub" -}}
# What conda-store is to know of the values: QHub's own container writes it.
- name: told
  emptyDir: {}
- name: server-keys
  secret:
    secretName: {{ $secret }}
    optional: true # whoever reads a key says that it is missing; else the pod would wait for it and say nothing
    items:
      - {key: hub.services.conda-store.apiToken, path: hub-token}
      - {key: qhub.condaStoreKey, path: key}
- name: keys
  secret:
    secretName: {{ $secret }}
    optional: true # whoever reads a key says that it is missing; else the pod would wait for it and say nothing
    items:
      - {key: qhub.condaStoreKey, path: key}
- name: server-tmp
  emptyDir: {}
- name: worker-tmp
  emptyDir: {}
{{- end -}}
