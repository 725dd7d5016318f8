"""The connection to one API server; the only importer of `kubernetes`.

Objects are plain JSON: the typed models of `kubernetes` would drop fields that they do not know. The first request
connects and imports `kubernetes` (half a second, 40 MB): a process without a cluster starts without that cost.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubedoor.errors import ClusterError, NoClusterAccess, NoClusterConfigured
from kubedoor.kube.answers import error_of, lines_of
from kubedoor.kube.kubeconfig import NO_CLUSTER
from kubedoor.sentences import NOTHING, Sentence, sentence

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.client.rest import RESTResponse

PAGE_SIZE = 500
MAX_PAGES = 1000
WATCH_GRACE = 10
"""Seconds after the end of a watch until a connection counts as broken on which nothing has come."""
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


class ClusterConnection:
    """The API server of a kubeconfig context, or of the pod's service account. Thread-safe."""

    def __init__(
        self, *, kubeconfig: str = "", context: str = "", timeout_seconds: float = 10.0, no_access: Sentence = NOTHING
    ) -> None:
        """`no_access`: if not empty, every request fails with NoClusterAccess and this reason."""
        self._no_access = no_access
        self._kubeconfig = kubeconfig
        self._context = context
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._client: ApiClient | None = None
        self._loaded_mtime = 0.0

    def check_access(self) -> None:
        """Raises NoClusterAccess if this cluster was configured without access. Sends nothing."""
        if self._no_access:
            raise NoClusterAccess(self._no_access)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        """Send one request; returns the JSON response, `{}` if it is empty.

        Raises NotFound, Conflict, Forbidden or ClusterError for an error status, ClusterError if no cluster is
        configured or it does not answer, NoClusterAccess if this cluster was configured without access.
        """
        response, data = self.send(method, path, body=body, query=query, content_type=content_type, accept=accept)
        if response.status >= 400:
            raise error_of(response.status, data)
        return json.loads(data) if data else {}

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any,
        query: dict[str, str] | None,
        content_type: str,
        accept: str = "application/json",
    ) -> tuple[RESTResponse, bytes]:
        """The response, whatever its status, and its body. Raises ClusterError and NoClusterAccess."""
        with _translated():
            response = self._open(method, path, body=body, query=query, content_type=content_type, accept=accept)
            return response, response.read()

    def _open(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: dict[str, str] | None,
        content_type: str = "application/json",
        accept: str = "application/json",
        silence_seconds: float | None = None,
    ) -> RESTResponse:
        """The response, of which only the headers have been read. `silence_seconds`: the longest wait for more of it."""
        self.check_access()
        api = self._api()
        headers = {"Accept": accept, "Content-Type": content_type}
        prepared = api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        timeouts = self._timeout_seconds, silence_seconds or self._timeout_seconds
        return api.call_api(*prepared, _request_timeout=timeouts)

    def list_metadata(self, path: str, **selectors: str) -> Iterator[dict[str, Any]]:
        """The `metadata` of each object of the collection at `path`; otherwise as `list_objects`."""
        for one in self._pages(path, selectors, accept=_METADATA_LIST):
            yield one["metadata"]

    def list_objects(self, path: str, **selectors: str) -> Iterator[dict[str, Any]]:
        """The objects of the collection at `path`, e.g. `/api/v1/nodes`, requested in pages.

        The timeout is that of each page. Raises as `request` does: NotFound if the API server has no such collection.
        """
        return self._pages(path, selectors)

    def _pages(self, path: str, selectors: dict[str, str], **options: str) -> Iterator[dict[str, Any]]:
        query = {"limit": str(PAGE_SIZE), **selectors}
        for _ in range(MAX_PAGES):
            page = self.request("GET", path, query=query, **options)
            yield from page.get("items") or ()
            if not (following := page.get("metadata", {}).get("continue")):
                return
            query["continue"] = following

    def watch(self, path: str, *, resource_version: str, seconds: int) -> Iterator[bytes]:
        """Changes of the collection at `path` since `resource_version`: each a JSON event. Ends after `seconds`.

        An empty line comes first, once the watch is open: until something changes, nothing else may come.
        Raises as `request` does; ClusterError, too, where the connection breaks off.
        """
        query = {"watch": "1", "allowWatchBookmarks": "true", "resourceVersion": resource_version}
        with _translated():
            response = self._open(
                "GET", path, query={**query, "timeoutSeconds": str(seconds)}, silence_seconds=seconds + WATCH_GRACE
            )
            if response.status >= 400:
                raise error_of(response.status, response.read())
            raw = response.response
            try:
                yield b""
                yield from lines_of(raw.stream(65_536))
            finally:
                # Not back to the pool: the rest of a body that nobody reads would stand before the next answer.
                raw.close()

    def _api(self) -> ApiClient:
        with self._lock:
            mtime = self._kubeconfig_mtime()
            if self._client is None or mtime != self._loaded_mtime:
                from kubernetes import client

                self._client, self._loaded_mtime = client.ApiClient(self._configuration()), mtime
            return self._client

    def _kubeconfig_mtime(self) -> float:
        """0 if there is no file. A change means a new token or certificate, so the file is loaded again."""
        try:
            return Path(self._kubeconfig).expanduser().stat().st_mtime if self._kubeconfig else 0.0
        except OSError:
            return 0.0

    def _configuration(self) -> Configuration:
        if self._kubeconfig == NO_CLUSTER:
            raise NoClusterConfigured(sentence("cluster.none"))
        from kubernetes import client, config
        from kubernetes.config import ConfigException

        loaded = client.Configuration()
        try:
            if not self._kubeconfig and not self._context:
                try:
                    config.load_incluster_config(client_configuration=loaded)
                except ConfigException:
                    config.load_kube_config(client_configuration=loaded)
            else:
                config.load_kube_config(
                    config_file=self._kubeconfig or None, context=self._context or None, client_configuration=loaded
                )
        except (ConfigException, OSError, ValueError) as error:
            raise NoClusterConfigured(sentence("cluster.not_configured")) from error
        loaded.retries = False
        return loaded


@contextmanager
def _translated() -> Iterator[None]:
    """Raises ClusterError for what the client raises where there is no answer."""
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (ApiException, HTTPError, OSError) as error:
        raise ClusterError(sentence("cluster.no_answer")) from error
