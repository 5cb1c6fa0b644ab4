{{- /* Whether Dask clusters are on: "true" or "". */ -}}
{{- define "qhub.dask.enabled" -}}
{{- if (index .Values "dask-gateway" | default dict).enabled }}true{{ end }}
{{- end -}}

{{- /* Names as the chart dask-gateway gives them; called with (dict "top" $ "part" "api"). */ -}}
{{- define "qhub.dask.name" -}}
{{ printf "%s-%s-dask-gateway" .part .top.Release.Name | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- /* Where keys are: the hub's Secret, or the administrator's own. */ -}}
{{- define "qhub.dask.secretName" -}}
{{ .Values.jupyterhub.hub.existingSecret | default "hub" }}
{{- end -}}

{{- /* By which the objects of this release's clusters are told from those of others. */ -}}
{{- define "qhub.dask.instance" -}}
{{ printf "%s-dask-gateway" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- /* What hub and gateway read of it, beside the section qhub. */ -}}
{{- define "qhub.dask.section" -}}
{{- $pull := include "qhub.labImagePullSecrets" . | fromYaml -}}
{{- $proxy := include "qhub.dask.name" (dict "top" . "part" "traefik") -}}
{{- $path := printf "%s/services/dask-gateway" (include "jupyterhub.basePath" (dict "Values" .Values.jupyterhub)) -}}
url: http://{{ $proxy }}
address: http://{{ $proxy }}{{ $path }}
path: {{ $path }}
schedulerAddress: gateway://{{ $proxy }}:80
image: {{ include "qhub.image" (dict "top" . "image" .Values.jupyterhub.singleuser.image) | quote }}
imagePullPolicy: {{ .Values.jupyterhub.singleuser.image.pullPolicy }}
imagePullSecrets:
  {{- toYaml (dig "imagePullSecrets" list $pull) | nindent 2 }}
{{- end -}}

{{- /*
What all three pods have in common, up to their containers; called with (dict "top" $ "own" …values of the part…).
*/ -}}
{{- define "qhub.dask.podSpec" -}}
{{- $jupyterhub := .top.Values.jupyterhub -}}
enableServiceLinks: false
terminationGracePeriodSeconds: 10
{{- if $jupyterhub.scheduling.podPriority.enabled }}
priorityClassName: {{ .top.Release.Name }}-default-priority
{{- end }}
{{- include "qhub.podSecurity" dict | nindent 0 }}
{{- include "qhub.imagePullSecrets" (dict "top" .top "more" (concat ($jupyterhub.imagePullSecrets | default list) (ternary (list "image-pull-secret") list $jupyterhub.imagePullSecret.create))) | nindent 0 }}
{{- include "qhub.corePods" (dict "scheduling" $jupyterhub.scheduling "own" .own) | nindent 0 }}
{{- end -}}

{{- /* A Deployment's beginning; called with (dict "top" $ "part" "api" "component" "dask-gateway" "own" …). */ -}}
{{- define "qhub.dask.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "qhub.dask.name" . }}
  labels:
    {{- include "qhub.labels" . | nindent 4 }}
spec:
  replicas: 1
  revisionHistoryLimit: 3
  # Never two: each would count what the other does not know of.
  strategy: {type: Recreate}
  selector:
    matchLabels:
      {{- include "qhub.matchLabels" . | nindent 6 }}
{{- end -}}

{{- /* Probes of a part that answers HTTP. */ -}}
{{- define "qhub.dask.probes" -}}
startupProbe:
  httpGet: {path: /api/health, port: http}
  periodSeconds: 1
  failureThreshold: 300
readinessProbe:
  httpGet: {path: /api/health, port: http}
  periodSeconds: 5
  timeoutSeconds: 3
livenessProbe:
  httpGet: {path: /api/health, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end -}}

{{- /* A rule for the API of Kubernetes, whose address nobody knows beforehand; public, private, by either port. */ -}}
{{- define "qhub.dask.kubernetes" -}}
- ports:
    - {port: 443, protocol: TCP}
    - {port: 6443, protocol: TCP}
{{- end -}}

{{- /* What stands in the way, told before anything is created. */ -}}
{{- define "qhub.dask.conflicts" -}}
{{- if and .Release.IsUpgrade (not (.Capabilities.APIVersions.Has "gateway.dask.org/v1alpha1")) -}}
{{- fail "dask-gateway.enabled is true, but the cluster does not know the kind DaskCluster: Helm makes it with a first installation only, not with an upgrade. Somebody with rights on the whole cluster does it once:\n  kubectl apply -f helm/charts/dask-gateway/crds/daskclusters.yaml" -}}
{{- end -}}
{{- end -}}
