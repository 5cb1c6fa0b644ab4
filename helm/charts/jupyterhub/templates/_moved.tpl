{{- /*
Values of Zero to JupyterHub whose place is elsewhere in QHub. Whoever brings them along is told all new names at once;
what only repeats "off" is let through.
*/ -}}
{{- define "jupyterhub.moved" -}}
{{- $found := list -}}
{{- range $path, $instead := dict
    "cull" "qhub.culling"
    "singleuser.profileList" "qhub.profiles"
    "singleuser.cpu.limit" "qhub.profiles.<name>.cpu.limit"
    "singleuser.cpu.guarantee" "qhub.profiles.<name>.cpu.guarantee"
    "singleuser.memory.limit" "qhub.profiles.<name>.memory.limit"
    "singleuser.memory.guarantee" "qhub.profiles.<name>.memory.guarantee"
    "singleuser.storage.type" "qhub.storage.claim: all homes lie on one volume"
    "singleuser.storage.capacity" "qhub.storage.claim.size, for all homes together"
    "singleuser.storage.homeMountPath" "qhub.storage.home, below which each home appears"
    "singleuser.storage.dynamic" "qhub.storage.claim"
    "singleuser.storage.static" "qhub.storage.claim.existing"
    "singleuser.storage.extraLabels" "qhub.storage.claim: all homes lie on one volume"
    "singleuser.uid" "qhub.users.<name>.uid: everybody has an id of their own"
    "singleuser.fsGid" "qhub.groups.<name>.gid: everybody has ids of their own"
    "singleuser.cloudMetadata.blockWithIptables" "nothing: singleuser.networkPolicy keeps servers from those addresses"
    "scheduling.userScheduler.enabled" "nothing: Kubernetes' own scheduler places servers"
    "scheduling.userPlaceholder.replicas" "qhub.nodeGroups.<name>.placeholders, each as large as a node"
    "scheduling.userPods.tolerations" "qhub.nodeGroups.<name>.taints"
    "scheduling.userPods.nodeAffinity" "qhub.nodeGroups.<name>.labels"
    "prePuller.hook.enabled" "prePuller.continuous.enabled"
    "hub.templatePaths" "hub.extraConfig, with: c.JupyterHub.template_paths.append(…)"
    "hub.extraConfigMap" "custom"
    "proxy.https.letsencrypt" "an Ingress with an annotation of cert-manager, or proxy.https.type secret"
    "proxy.traefik" "an Ingress or httpRoute"
-}}
{{- $value := $.Values -}}
{{- range splitList "." $path -}}
{{- if kindIs "map" $value }}{{ $value = get $value . }}{{ else }}{{ $value = "" }}{{ end -}}
{{- end -}}
{{- if $value -}}
{{- $found = append $found (printf "\n  jupyterhub.%s is now %s" $path $instead) -}}
{{- end -}}
{{- end -}}
{{- if $found -}}
{{- fail (printf "These values belong elsewhere in QHub:%s\nRemove them there; `qhub validate FILE` checks the section qhub." (join "" $found)) -}}
{{- end -}}
{{- end -}}
