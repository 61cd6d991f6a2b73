// The output of a layer for one input, and the weights of the first layer.
#include "inspect/layers.h"

#include "data/picture.h"

#include <string.h>

// --- inputs -----------------------------------------------------------------------------------------------------

static cv_shape shape_of(const convo_array *a) {
    return (cv_shape){a->dims, a->dim[0], a->dims == 3 ? a->dim[1] : 1, a->dims > 1 ? a->dim[a->dims - 1] : 1};
}

static convo_status make_array(cv_shape s, convo_array *out, convo_error *err) {
    *out = (convo_array){.dims = s.dims, .dim = {s.c, s.dims == 3 ? s.h : s.w, s.w}};
    out->value = cv_alloc((size_t)cv_shape_size(s), sizeof *out->value);
    return out->value ? CONVO_OK : cv_no_memory(err, "an input");
}

// The picture's own size where the net takes it, else the net's.
static convo_status read_picture(const convo_recipe *recipe, const convo_model *model, const char *path,
                                 convo_array *out, bool *resized, convo_error *err) {
    cv_picture picture = {0};
    cv_net *net = NULL;
    if (recipe->input.dims != 3 || (recipe->input.c != 1 && recipe->input.c != 3))
        return cv_fail(err, CONVO_SHAPE, path, "the net reads no pictures of one or three channels");
    const bool orient = recipe->data && recipe->data->orient && recipe->data->orient(recipe->data_config);
    CV_TRY(cv_picture_read(path, orient, &picture, err));
    cv_shape shape = {3, recipe->input.c, picture.height, picture.width};
    const size_t row[3] = {(size_t)shape.c, (size_t)shape.h, (size_t)shape.w};
    *resized = (model && !cv_normal_fits(&model->normal, row)) ||
               cv_layers_net(recipe, model, cv_isa_find("baseline"), &shape, &net, NULL) != CONVO_OK;
    if (*resized) shape = recipe->input;
    cv_net_free(net);
    convo_status status = make_array(shape, out, err);
    if (!status) status = cv_picture_values(&picture, shape, out->value, err);
    cv_picture_free(&picture);
    return status;
}

static convo_status normalize_input(const convo_recipe *recipe, const convo_model *model, convo_array *input,
                                    convo_error *err) {
    const cv_shape shape = shape_of(input);
    cv_normal normal;
    CV_TRY(cv_recipe_normal(recipe, shape, &normal, err));
    cv_normal as_trained = model ? model->normal : normal;
    for (int k = 0; k < 3; k++) as_trained.row[k] = normal.row[k]; // a picture may have a size of its own
    cv_normal_apply(&as_trained, 0, (size_t)cv_shape_size(shape), input->value);
    cv_normal_free(&normal);
    return CONVO_OK;
}

convo_status convo_input_read(const convo_recipe *recipe, const convo_model *model, const char *path,
                              convo_array *input, bool *resized, convo_error *err) {
    bool unused;
    if (!recipe || !path || !input) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe, a path and an array are needed");
    if (!resized) resized = &unused;
    *resized = false;
    *input = (convo_array){0};
    convo_status status = recipe->feature ? convo_features(recipe, path, input, err)
                                          : read_picture(recipe, model, path, input, resized, err);
    if (!status) status = normalize_input(recipe, model, input, err);
    if (status) convo_array_free(input);
    return status;
}

convo_status convo_input_make(const convo_recipe *recipe, convo_filling filling, uint64_t seed, convo_array *input,
                              convo_error *err) {
    cv_random random;
    if (!recipe || !input) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and an array are needed");
    const size_t size = (size_t)cv_shape_size(recipe->input);
    CV_TRY(make_array(recipe->input, input, err));
    cv_random_seed(&random, seed);
    if (filling == CONVO_NORMAL) cv_random_normal(&random, 0, 1, input->value, size);
    for (size_t i = 0; filling == CONVO_ONES && i < size; i++) input->value[i] = 1;
    return CONVO_OK;
}

// --- feature maps -----------------------------------------------------------------------------------------------

static void name_map(const cv_node *n, convo_map *map) {
    cv_print(map->path, sizeof map->path, "%s", n->path);
    cv_print(map->type, sizeof map->type, "%s", n->op->name);
}

static convo_status run(cv_net *net, const convo_array *input, convo_array *output, convo_error *err) {
    cv_pool *pool = NULL;
    cv_runner *runner = NULL;
    const int32_t first = 0;
    const cv_batch batch = {.values = CV_FLOATS(input->value), .index = &first, .count = 1};
    convo_status status = make_array(cv_net_output(net), output, err);
    if (!status) status = cv_pool_new(&pool, 1, err);
    if (!status) status = cv_runner_new(net, NULL, NULL, 1, 0, pool, &runner, err);
    if (!status) cv_runner_forward(runner, &batch, output->value, NULL);
    cv_runner_free(runner);
    cv_pool_free(pool);
    return status;
}

convo_status convo_map_find(const convo_recipe *recipe, const convo_model *model, const convo_array *input,
                            const char *layer, convo_map *map, convo_error *err) {
    cv_net *net = NULL;
    int node;
    if (!recipe || !input || !map) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe, an input and a map are needed");
    *map = (convo_map){0};
    const cv_shape shape = shape_of(input);
    const bool other = shape.dims != recipe->input.dims || shape.c != recipe->input.c || shape.h != recipe->input.h ||
                       shape.w != recipe->input.w;
    // Of the narrowest vectors: there is one sample.
    convo_status status = cv_layers_net(recipe, model, cv_isa_find("baseline"), other ? &shape : NULL, &net, err);
    if (!status) status = cv_layers_find(net, layer, &node, err);
    if (!status && (node < 0 || net->node[node].out.dims < 2))
        status = cv_fail(err, CONVO_SHAPE, node < 0 ? "" : net->node[node].where,
                         "%s%s has no feature maps, its output is a vector", node < 0 ? "the net" : "layer ",
                         node < 0 ? "" : net->node[node].path);
    if (!status) {
        cv_layers_cut(net, node);
        name_map(&net->node[node], map);
        status = run(net, input, &map->values, err);
    }
    cv_net_free(net);
    if (status) convo_array_free(&map->values);
    return status;
}

// --- filters ----------------------------------------------------------------------------------------------------

static const cv_node *first_weighted(const cv_net *net) {
    for (int i = 0; i < net->nodes; i++)
        if (net->node[i].tensors && net->tensor[net->node[i].tensor].spec.dims > 1) return &net->node[i];
    return NULL;
}

// What a vector was before it was flattened.
static cv_shape pixels_below(const cv_net *net, const cv_node *n) {
    int below = n->input[0];
    while (below >= 0 && net->node[below].out.dims == 1 && net->node[below].in.dims == 1)
        below = net->node[below].input[0];
    return below < 0 ? net->input : net->node[below].in;
}

static convo_status lay_out(const cv_net *net, const cv_node *n, convo_array *values, convo_error *err) {
    const cv_tensor *spec = &net->tensor[n->tensor].spec;
    if (spec->dims > 2) {
        values->dims = spec->dims;
        memcpy(values->dim, spec->dim, sizeof values->dim);
        return CONVO_OK;
    }
    const cv_shape s = pixels_below(net, n);
    if (s.dims < 2 || cv_shape_size(s) != spec->dim[1])
        return cv_fail(err, CONVO_SHAPE, n->where,
                       "layer %s (%s) looks at a vector, not at pixels: its weights are no picture", n->path,
                       n->op->name);
    values->dims = s.dims + 1;
    const int64_t dim[4] = {spec->dim[0], s.c, s.dims == 3 ? s.h : s.w, s.w};
    memcpy(values->dim, dim, sizeof values->dim);
    return CONVO_OK;
}

convo_status convo_filters(const convo_recipe *recipe, const convo_model *model, convo_map *filters, convo_error *err) {
    cv_net *net = NULL;
    if (!recipe || !filters) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and room for the filters are needed");
    *filters = (convo_map){0};
    convo_status status = cv_layers_net(recipe, model, cv_isa_find("baseline"), NULL, &net, err);
    if (status) return status;
    const cv_node *n = first_weighted(net);
    if (!n) status = cv_fail(err, CONVO_SHAPE, recipe->file, "no layer of the net has weights");
    if (!status) status = lay_out(net, n, &filters->values, err);
    if (!status && !(filters->values.value = cv_alloc(net->tensor[n->tensor].size, sizeof(float))))
        status = cv_no_memory(err, "filters");
    if (!status) {
        name_map(n, filters);
        cv_net_read(net, n->tensor, filters->values.value);
    }
    cv_net_free(net);
    return status;
}
