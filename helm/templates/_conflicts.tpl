{{- /*
What stands in the way of this release, told before anything is created. Only objects are looked up that Helm itself
must be able to read for an installation, so no further rights are needed; `helm template` finds nothing. Each look
costs an installation a tenth of a second. So the hub's Secret, which is looked up anyway (charts/jupyterhub, hub/secret.yaml),
says whose hub there is, and of two claims, which a release leaves both, one is looked at; Helm itself refuses the other.
*/ -}}
{{- define "qhub.conflicts" -}}
{{- $namespace := .Release.Namespace -}}
{{- if .Values.jupyterhub.hub.existingSecret -}}
{{- include "jupyterhub.requireOwn" (dict "top" . "object" (lookup "apps/v1" "Deployment" $namespace "hub")) -}}
{{- end -}}
{{- $claims := list -}}
{{- if not ((((.Values.qhub | default dict).storage | default dict).claim | default dict).existing) }}{{ $claims = append $claims "qhub-share" }}{{ end -}}
{{- if eq .Values.jupyterhub.hub.db.type "sqlite-pvc" }}{{ $claims = append $claims "hub-db-dir" }}{{ end -}}
{{- with first $claims -}}
{{- $claim := . -}}
{{- with lookup "v1" "PersistentVolumeClaim" $namespace $claim -}}
{{- $owner := dig "metadata" "annotations" "meta.helm.sh/release-name" "" . -}}
{{- if ne $owner $.Release.Name -}}
{{- fail (printf "The namespace %s has a claim %s %s, with the files of people. To go on with them, install under that name, or hand both claims over to this release:\n  kubectl -n %s annotate --overwrite pvc %s meta.helm.sh/release-name=%s meta.helm.sh/release-namespace=%s\n  kubectl -n %s label --overwrite pvc %s app.kubernetes.io/managed-by=Helm" $namespace $claim (ternary (printf "of the release %q" $owner) "that no release of Helm made" (not (empty $owner))) $namespace (join " " $claims) $.Release.Name $namespace $namespace (join " " $claims)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
