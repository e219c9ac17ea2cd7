"""Secrets in the environment: those of the servers and models that the steps call. None is ever shown."""

from collections.abc import Iterator

from tracesmith import publishing, remotes
from tracesmith.llm.flags import FOLDER
from tracesmith.llm.settings import Settings
from tracesmith.preflight.plan import MISSING, OK, WARNING, Finding, Plan

# Variables that litellm 1.106 reads by a provider's name, any one of them; a step that calls a model names it in
# `Plan.models`. Providers with () need none.
PROVIDERS: dict[str, tuple[str, ...]] = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "azure": ("AZURE_API_KEY",),
    "bedrock": ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_BEARER_TOKEN_BEDROCK"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "dashscope": ("DASHSCOPE_API_KEY",),
    "deepinfra": ("DEEPINFRA_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks_ai": ("FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "hosted_vllm": (),
    "huggingface": ("HUGGINGFACE_API_KEY", "HF_TOKEN"),
    "mistral": ("MISTRAL_API_KEY",),
    "moonshot": ("MOONSHOT_API_KEY",),
    "nebius": ("NEBIUS_API_KEY",),
    "novita": ("NOVITA_API_KEY",),
    "nvidia_nim": ("NVIDIA_NIM_API_KEY", "NVIDIA_API_KEY"),
    "ollama": (),
    "ollama_chat": (),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY", "OR_API_KEY"),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_TOKEN"),
    "vertex_ai": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "xai": ("XAI_API_KEY",),
    "zai": ("ZAI_API_KEY",),
}
# Models that litellm knows without their provider's name.
FAMILIES = {"claude": "anthropic", "gpt": "openai", "chatgpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai"}


def check_mirror(plan: Plan) -> Iterator[Finding]:
    """Look for the token with which mirrors are pushed. Raises InputError that says what it has to be."""
    if plan.repos("push_mirror"):
        remotes.read_token(plan.environment)
        yield Finding(OK, f"{remotes.TOKEN_VARIABLE} is set, to push mirrors")


def check_registry(plan: Plan) -> Iterator[Finding]:
    """Look for the login of the registry to which images are pushed; some take them without one."""
    if not plan.repos("push_image"):
        return
    from docker import auth  # noqa: PLC0415 - 0.3 s that bubblewrap runs need not pay

    registry, _ = auth.split_repo_name(f"{plan.configuration.dockerhub}/image")
    if auth.load_config().resolve_authconfig(registry):
        yield Finding(OK, f"docker login: {registry} is known, to push images")
    else:
        remedy = f"run `docker login {registry}` unless it takes images from anybody"
        yield Finding(WARNING, f"docker login: none for {registry}, to push images; {remedy}")


def check_store(plan: Plan) -> Iterator[Finding]:
    """Open the bucket of copies of final files, as a run does while it plans. Raises InputError that says why not."""
    storage = plan.configuration.storage
    if plan.deep and storage["s3"]:
        publishing.check_plugin()
        publishing.check_bucket(storage)
        yield Finding(OK, f"{storage['s3']}: the bucket opens, for copies of final files")


def check_models(plan: Plan) -> Iterator[Finding]:
    """Look for the key of each model's provider."""
    server = plan.configuration.llm["api_base"]
    for model in plan.asked_models():
        provider = provider_of(model)
        names = () if server and provider == "openai" else PROVIDERS.get(provider)
        if names is None:
            remedy = "see litellm's pages on it"
            yield Finding(WARNING, f"model {model}: which key {provider!r} wants is not known here; {remedy}")
        elif not names:
            yield Finding(OK, f"model {model}: {provider} needs no key")
        elif found := [name for name in names if plan.environment.get(name, "").strip()]:
            yield Finding(OK, f"model {model}: {found[0]} is set")
        else:
            yield Finding(MISSING, f"model {model}: {' or '.join(names)} is not set; export it (.env.example says how)")


def check_prices(plan: Plan) -> Iterator[Finding]:
    """
    Look for the price of each model that the steps ask. Raises InputError where it has none and that is not allowed.

    A model that nobody knows has none either: it must not be found out about after hours of validation.
    """
    llm = plan.configuration.llm
    price = tuple(llm["price"]) if llm["price"] else None
    for model in plan.models_of_steps():
        from tracesmith.llm.prices import Prices  # noqa: PLC0415 - seconds for litellm, which others need not pay

        settings = Settings(model, FOLDER, price=price, allow_unknown_price=llm["allow_unknown_price"])
        if Prices(settings).known:
            yield Finding(OK, f"model {model}: its price is known")
        else:
            yield Finding(WARNING, f"model {model}: has no price; its costs are null, and no cap counts them")


def provider_of(model: str) -> str:
    """Return the provider in a model's name as litellm writes it: `provider/model`, or a name that it knows alone."""
    provider, slash, _ = model.partition("/")
    return provider if slash else FAMILIES.get(model.partition("-")[0], model)
