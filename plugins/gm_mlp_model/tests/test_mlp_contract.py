from gm_mlp_model import MLPProvider

from gmcore.testing.model_provider import ModelProviderContract


class TestMLP(ModelProviderContract):
    def provider(self):
        return MLPProvider()


class TestMLPWithEmbeddingsAndDropout(ModelProviderContract):
    def provider(self):
        return MLPProvider(hidden=(8,), activation="gelu", dropout=0.3, embedding="embedding", impute="median")


class TestLinearModel(ModelProviderContract):
    def provider(self):
        return MLPProvider(hidden=())
