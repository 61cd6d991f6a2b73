// From C++: how well a model does on the held-out part of its data, with what it confuses.
//   ./score MODEL DATA-FOLDER
#include <convo.h>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

struct freeing {
    void operator()(convo_model *model) const { convo_model_free(model); }
    void operator()(convo_evaluation *evaluation) const {
        convo_evaluation_free(evaluation); // what it points to
        delete evaluation;
    }
};

void must(convo_status status, const convo_error &error) {
    if (status != CONVO_OK) throw std::runtime_error(std::string(error.where) + ": " + error.message);
}

std::unique_ptr<convo_model, freeing> load(const char *path) {
    convo_error error = {};
    convo_model *model = nullptr;
    must(convo_model_load(path, &model, &error), error);
    return std::unique_ptr<convo_model, freeing>(model);
}

std::unique_ptr<convo_evaluation, freeing> evaluate(convo_model *model, const char *data) {
    convo_error error = {};
    convo_train_options options = {}; // of these, data, search, threads and isa count
    options.data = data;
    std::unique_ptr<convo_evaluation, freeing> evaluation(new convo_evaluation());
    must(convo_evaluate(model, CONVO_HELD_OUT, &options, evaluation.get(), &error), error);
    return evaluation;
}

} // namespace

int main(int argc, char **argv) try {
    if (argc != 3) {
        std::cerr << "usage: score MODEL DATA-FOLDER\n";
        return 2;
    }
    const auto model = load(argv[1]);
    const auto e = evaluate(model.get(), argv[2]);
    std::cout << "accuracy " << e->score.accuracy << " (" << e->score.correct << "/" << e->score.count << ")\n";
    for (int truth = 0; truth < e->classes; truth++)
        for (int said = 0; said < e->classes; said++)
            if (const auto count = e->confusion[truth * e->classes + said]; count && said != truth)
                std::cout << e->labels[truth] << " taken for " << e->labels[said] << ": " << count << "\n";
} catch (const std::exception &failure) {
    std::cerr << failure.what() << "\n";
    return 1;
}
