"""Orders of environments and choices of builds, without what would go around the rules, or hold everybody up."""

from typing import Any

import yaml
from conda_store_server import api
from conda_store_server._internal.server import dependencies
from conda_store_server._internal.server.views.api import api_post_specification, api_update_environment_build
from conda_store_server.server.schema import Permissions
from fastapi import Body, Depends, HTTPException, Request

from qhub_hub.conda_store.names import slug_problem
from qhub_hub.conda_store.settings import values_here

_LONGEST = 64 * 1024  # characters; no list of packages has more


def _name(text: str) -> object:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return ""  # conda-store says so
    return content.get("name", "") if isinstance(content, dict) else ""


async def take_order(
    request: Request,
    conda_store: Any = Depends(dependencies.get_conda_store),  # noqa: B008 - as FastAPI has it
    auth: Any = Depends(dependencies.get_auth),  # noqa: B008
    entity: Any = Depends(dependencies.get_entity),  # noqa: B008
    order: dict[str, Any] = Body(...),  # noqa: B008
) -> Any:
    """Have an environment built.

    Lock files are refused: conda-store 2025.2.2 checks nothing in them, and their packages may come from anywhere.
    """
    if order.get("is_lockfile"):
        raise HTTPException(400, "Lock files are not taken, as their packages could come from anywhere. Send packages.")
    namespace, text = order.get("namespace") or entity.primary_namespace, order.get("specification")
    if not isinstance(namespace, str) or not isinstance(text, str) or len(text) > _LONGEST:
        raise HTTPException(400, f"An order has a namespace and a specification of at most {_LONGEST} characters.")
    if problem := slug_problem("namespace", namespace):
        raise HTTPException(400, problem)
    # conda-store reads it as YAML, where a few references to references fill the memory.
    if "&" in text:
        raise HTTPException(400, "A specification must have no references (&).")
    if getattr(entity, "name", "") and _name(text) in values_here().declared_in(namespace):
        raise HTTPException(
            400, f"{namespace}/{_name(text)} is declared in the values file, which wins. Choose another name."
        )
    return await api_post_specification(
        request=request,
        conda_store=conda_store,
        auth=auth,
        entity=entity,
        specification=text,
        namespace=namespace,
        is_lockfile=False,
        environment_name="",
        environment_description="",
    )


async def choose_build(
    request: Request,
    conda_store: Any = Depends(dependencies.get_conda_store),  # noqa: B008
    auth: Any = Depends(dependencies.get_auth),  # noqa: B008
    build_id: int = Body(None, embed=True),
    description: str = Body(None, embed=True),
) -> Any:
    """Put a build of an environment into force.

    conda-store 2025.2.2 takes any build of an environment of the same name, other people's included, and moves their
    link to it.
    """
    namespace, name = request.path_params["namespace"], request.path_params["name"]
    auth.authorize_request(request, f"{namespace}/{name}", {Permissions.ENVIRONMENT_UPDATE}, require=True)
    if build_id is not None:
        with conda_store.get_db() as db:
            of = getattr(api.get_build(db, build_id), "environment", None)
            if of is None or (of.namespace.name, of.name) != (namespace, name):
                raise HTTPException(404, f"{namespace}/{name} has no build {build_id}.")
    return await api_update_environment_build(
        namespace, name, request, conda_store, auth, build_id=build_id, description=description
    )


async def no_solving() -> Any:
    """Refuse to solve without a build: conda-store 2025.2.2 answers nobody else until the worker has time for it."""
    raise HTTPException(400, "Packages are not solved for by themselves here: have the environment built.")
